package serve

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"lastack/harness/lab/labtest"
	"lastack/harness/teardown"
)

// TestLastACKDropped: lastack closes first, and its last ACK is lost on the way
// out. The kernel sends its FIN again, and the TIME_WAIT answers that.
func TestLastACKDropped(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	const rule = "drop the 1st pure ACK of a FIN from host"
	s := start(t, Config{Impairments: []string{rule}})
	for _, addr := range []string{"10.77.0.2:8001", "[fd77::2]:8001"} {
		askAndClose(t, addr)
	}
	for _, r := range s.reports(2) {
		lost := 0
		for _, l := range r.Segments {
			if l.Lost {
				lost++
				if l.Flags != "ACK" || l.Impaired != "dropped: the 1st pure ACK of a FIN from host" {
					t.Errorf("lost: %+v", l)
				}
			}
		}
		if lost != 1 {
			t.Errorf("lastack shows %d lost segments, want 1", lost)
		}
	}
	seen := s.captured(8001)
	if len(seen) != 2 {
		t.Fatalf("captured %d connections, want 2", len(seen))
	}
	for i := range seen {
		checkAgain(t, &seen[i])
	}
}

// TestLastACKDroppedIn: the client closes first, and its last ACK is lost on the way in to
// lastack, which stays in LAST_ACK until the ACK of its FIN's copy.
func TestLastACKDroppedIn(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{Impairments: []string{"drop the 1st pure ACK of a FIN from peer"}})
	c := dial(t, "10.77.0.2:7")
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	r := s.reports(1)[0]
	var states []string
	missed := 0
	for _, l := range r.Segments {
		states = append(states, l.States[1])
		if l.LostIn {
			missed++
			if l.From != teardown.Client || l.Flags != "ACK" || l.Lost || l.Why != "" || l.Carries != "" {
				t.Errorf("lost on its way in: %+v", l)
			}
		}
	}
	if got := strings.Join(states, " "); missed != 1 || got != "CLOSE_WAIT LAST_ACK LAST_ACK LAST_ACK CLOSED" || r.FINRetransmissions != 1 {
		t.Errorf("%d lost on their way in, %d FINs again, lastack in %s", missed, r.FINRetransmissions, got)
	}
}

// askAndClose has the server answer and close first.
func askAndClose(t *testing.T, addr string) {
	t.Helper()
	c := dial(t, addr)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "x" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkAgain looks for the client's FIN twice, and an ACK only of the second.
func checkAgain(t *testing.T, r *teardown.Report) {
	t.Helper()
	var fins []int64
	acked := int64(-1)
	for _, l := range r.Segments {
		switch {
		case l.From == teardown.Client && l.Flags == "FIN+ACK":
			fins = append(fins, l.TimeUS)
		case l.From == teardown.Server && l.Flags == "ACK" && acked < 0:
			acked = l.TimeUS
		}
	}
	if len(fins) != 2 || acked < fins[1] {
		t.Fatalf("FINs of the client at %d us, acknowledged at %d us; want two, and the ACK after the second", fins, acked)
	}
	// The kernel waits for a retransmission timeout, whose least is 0.2 s, and longer where a
	// busy machine has made it measure longer round trips.
	if again := time.Duration(fins[1]-fins[0]) * time.Microsecond; again < 150*time.Millisecond {
		t.Errorf("the FIN came again after %s, want 0.2 s or more", again)
	}
	t.Logf("FIN again after %d us, acknowledged %d us later", fins[1]-fins[0], acked-fins[1])
}

// TestBadWire: everything that rules can do, at once, and each byte arrives.
func TestBadWire(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	start(t, Config{Impairments: []string{
		"drop 1% of segments from either", "duplicate 1% of segments from either",
		"corrupt 1% of segments with data from either", "reorder 1% of segments from either",
		"delay 5% of segments from either by 2 ms",
	}, Seed: 7})
	c := dial(t, "10.77.0.2:7")
	want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	go func() {
		_, _ = c.Write(want)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes came back, %v", len(got), len(want), err)
	}
	_ = c.Close()
}
