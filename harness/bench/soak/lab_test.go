package soak

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// inside is labtest.Inside for tests that make a wire lossy.
func inside(t *testing.T) bool {
	t.Helper()
	if !labtest.Inside(t) {
		return false
	}
	err := loss{}.apply(t.Context())
	var missing *lab.MissingError
	if errors.As(err, &missing) && os.Getenv(labtest.RequireEnv) != "1" {
		t.Skipf("needs nftables: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// TestRun is a soak of seconds: scripts/test runs a longer one. There is no flood,
// as its half-open connections take netstack two minutes.
func TestRun(t *testing.T) { testRun(t, Never) }

// TestRunLight is one of a host that serves connections light.
func TestRunLight(t *testing.T) { testRun(t, Always) }

func testRun(t *testing.T, light Lightness) {
	t.Helper()
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	if !inside(t) {
		return
	}
	r, err := Run(t.Context(), Config{Duration: 8 * time.Second, Workers: 20, Seed: 1, Forge: 200, Light: light, Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Faults {
		t.Error(f)
	}
	if forged := total(r.Clients.Forged); forged < 100 {
		t.Errorf("%d segments were forged: %v", forged, r.Clients.Forged)
	}
	for _, h := range habits {
		if r.Clients.Habits[h.name] == 0 {
			t.Errorf("no client had the habit %s", h.name)
		}
	}
	if on := light != Never; on != (r.Light > 0) || on != (r.Promoted > 0) {
		t.Errorf("%d connections were light, and %d of them promoted", r.Light, r.Promoted)
	}
}

// TestMeasureLoss: the kernel's connections survive the loss.
func TestMeasureLoss(t *testing.T) {
	if !inside(t) {
		return
	}
	m := Measurement{Seed: 1, Workers: 10, Duration: time.Second, Grace: 20 * time.Second}
	r, err := MeasureLoss(t.Context(), Kernel, m)
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Clients; c.Made == 0 || c.failures() > 0 || len(c.Open) > 0 {
		t.Errorf("the kernel at 20%% loss: %+v", c)
	}
}

// TestSubjects: each subject carries connections on a good wire, and nothing is
// left of them.
func TestSubjects(t *testing.T) {
	for _, s := range Subjects() {
		t.Run(s, func(t *testing.T) {
			if !inside(t) {
				return
			}
			r, err := MeasureBusy(t.Context(), s, Measurement{Seed: 1, Workers: 1, Count: 2})
			if err != nil {
				t.Fatal(err)
			}
			if c := r.Clients; c.Begun != 2 || c.Wrong > 0 || len(c.Failed) > 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestCompare: both hosts pass on a wire that delays and reorders a little.
func TestCompare(t *testing.T) {
	for _, s := range []string{Kernel, Lastack} {
		t.Run(s, func(t *testing.T) {
			if !inside(t) {
				return
			}
			c := DefaultComparison(1)
			c.Workers, c.Duration = 5, 2*time.Second
			r, err := Compare(t.Context(), s, c)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Faults {
				t.Error(f)
			}
			if r.Clients.Habits[echoes] == 0 || r.Clients.Habits[closesSecond] == 0 {
				t.Errorf("%+v", r.Clients)
			}
		})
	}
}

// TestStuckIsNoticed: clients whose server never answers are open at the end of the
// grace, with their sockets.
func TestStuckIsNoticed(t *testing.T) {
	if !inside(t) {
		return
	}
	m := Measurement{Seed: 1, Percent: 100, Workers: 3, Duration: 300 * time.Millisecond, Grace: 300 * time.Millisecond}
	r, err := MeasureLoss(t.Context(), Kernel, m)
	if err != nil {
		t.Fatal(err)
	}
	if r.Clients.Made > 0 || r.ClientStates["SYN_SENT"] != 3 {
		t.Errorf("%d connections were made without an answer; the clients' sockets: %v", r.Clients.Made, r.ClientStates)
	}
}

// TestSettleBites: a connection that nobody closes is a fault, with its 4-tuple.
func TestSettleBites(t *testing.T) {
	if !inside(t) {
		return
	}
	s := newSoaking(Config{Log: t.Logf})
	if err := s.raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.wire.Close(); err != nil {
			t.Error(err)
		}
	}()
	conn, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(netip.AddrPortFrom(hostAddr, echoServer.Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := s.settle(t.Context(), time.Now().Add(300*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if len(s.result.Faults) != 3 { // the sum, and both sockets
		t.Errorf("an open connection is told as %q", s.result.Faults)
	}
}

// TestGoroutinesLeftBites: one goroutine too many is seen, with its stack.
func TestGoroutinesLeftBites(t *testing.T) {
	if s := goroutinesLeft(1000, 0); s != "" {
		t.Error(s)
	}
	if s := goroutinesLeft(0, 10*time.Millisecond); s == "" {
		t.Error("none was seen, and this is one")
	}
	if heapFault(1<<20, 1<<20) != "" || heapFault(1<<20, 10<<20) == "" {
		t.Error("a heap of 10 MB after one of 1 MB has to be a fault, and the same heap not")
	}
}
