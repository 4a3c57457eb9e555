package metrics

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/reasons"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// TestCapture: the kernel's own closes over loopback, each counted once, and nothing once the
// capture is over.
func TestCapture(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	live, err := capture.OpenLive("lo", capture.LiveConfig{SnapLen: 256, Wake: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := reasons.Open()
	if err != nil {
		t.Logf("without the kernel's reasons: %v", err)
	}
	var says Kernel
	if kernel != nil {
		says = kernel
		defer kernel.Close()
	}
	c := NewCapture(live, "lo", says, func(what string) { t.Log(what) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	closeThree(t)
	want := []string{
		`lastack_capture_up 1`, `lastack_capture_dropped_packets_total 0`,
		`lastack_closes_total{cause="refused",kind="refused"} 1`,
		`lastack_closes_total{cause="abort",kind="reset"} 1`,
		`lastack_closes_total{cause="none",kind="four-way"} 1`,
		`lastack_closes_total{cause="idle-timeout",kind="reset"} 0`,
	}
	if kernel != nil {
		want = append(want, `lastack_kernel_records_lost_total 0`)
	}
	if kernel != nil && len(kernel.Reasons()) > 0 {
		// SO_LINGER 0 is a disconnect to Linux.
		want = append(want, `lastack_resets_total{reason="NO_SOCKET"} 1`, `lastack_resets_total{reason="TCP_STATE"} 1`, `lastack_resets_total{reason="unknown"} 0`)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var got, missing string
	for end := time.After(20 * time.Second); ; {
		got, missing = scrape(t, c), ""
		for _, w := range want {
			if !strings.Contains(got, w) {
				missing = w
			}
		}
		if missing == "" {
			break
		}
		select {
		case <-tick.C:
			continue
		case <-end:
			t.Fatalf("no %s:\n%s", missing, got)
		}
	}
	if err := live.Close(); err != nil { // as if it broke
		t.Fatal(err)
	}
	for end := time.After(20 * time.Second); strings.Contains(scrape(t, c), "lastack_closes_total"); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("closes are still shown:\n%s", scrape(t, c))
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// closeThree closes a connection in four segments, aborts one, and has one refused.
func closeThree(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	connect := func() (client, server *net.TCPConn) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c.(*net.TCPConn), s.(*net.TCPConn)
	}
	c, s := connect()
	_ = c.CloseWrite()
	_, _ = io.Copy(io.Discard, s)
	wait(t, c) // its ACK goes alone
	_, _ = s.Close(), c.Close()
	c, s = connect()
	_, _ = c.SetLinger(0), c.Close()
	_, _ = io.Copy(io.Discard, s)
	_ = s.Close()
	if _, err := net.Dial("tcp", "127.0.0.1:8081"); err == nil {
		t.Fatal("nothing listens there")
	}
}

// wait waits until the FIN of c is acknowledged.
func wait(t *testing.T, c net.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	local, remote := c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
	if _, err := lab.WaitState(ctx, local, remote, "FIN_WAIT_2"); err != nil {
		t.Fatal(err)
	}
}
