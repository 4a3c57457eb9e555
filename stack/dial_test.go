package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

func (w *two) tune(t *testing.T, h *Host, settings ...string) {
	t.Helper()
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		if err := h.Tunables().Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// serve answers connections to a port of h until the test ends: it reads until
// EOF and closes, or closes at once.
func serve(t *testing.T, h *Host, at netip.Addr, closeFirst bool) string {
	t.Helper()
	l, err := h.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if !closeFirst {
					_, _ = io.Copy(io.Discard, c)
				}
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// once makes a connection and closes it; EOF comes before or after by who closes.
func once(h *Host, to string, closeFirst bool) (*Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	nc, err := h.Dial(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	c := nc.(*Conn)
	if closeFirst {
		err = c.CloseWrite()
	}
	if _, more := io.Copy(io.Discard, c); err == nil {
		err = more
	}
	return c, errors.Join(err, c.Close())
}

// TestPortsRunOut: at exactly the range's size, by destination; and again when
// TIME_WAIT is over.
func TestPortsRunOut(t *testing.T) {
	families(t, func(t *testing.T, host, peer netip.Addr) {
		w := newTwo(t)
		w.tune(t, w.host, "net.ipv4.ip_local_port_range=20000 20004")
		to := serve(t, w.peer, peer, false)
		for i := range 5 {
			if _, err := once(w.host, to, true); err != nil {
				t.Fatalf("connection %d: %v", i+1, err)
			}
		}
		waitFor(t, func() bool { return w.host.TimeWaits() == 5 }, func() string {
			return fmt.Sprintf("%d in TIME_WAIT, want 5", w.host.TimeWaits())
		})
		_, err := once(w.host, to, true)
		var op *net.OpError
		if !errors.Is(err, syscall.EADDRNOTAVAIL) || !errors.As(err, &op) ||
			!strings.Contains(err.Error(), "cannot assign requested address") {
			t.Fatalf("connection 6: %v", err)
		}
		if _, err := once(w.host, serve(t, w.peer, peer, false), true); err != nil {
			t.Errorf("to another port: %v", err)
		}
		// Without timestamps, or before its second is over, no reuse.
		w.tune(t, w.host, "net.ipv4.tcp_tw_reuse=1", "net.ipv4.tcp_tw_reuse_delay=60000")
		if _, err := once(w.host, to, true); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("reused within tcp_tw_reuse_delay: %v", err)
		}
		w.tune(t, w.host, "net.ipv4.tcp_tw_reuse_delay=1")
		waitFor(t, func() bool { _, err = once(w.host, to, true); return err == nil },
			func() string { return fmt.Sprintf("no reuse: %v", err) })
	})
}

// TestReusedPortGoesOn: sequence numbers and timestamps of a port's next
// connection are beyond those of its last.
func TestReusedPortGoesOn(t *testing.T) {
	w := newTwo(t)
	w.tune(t, w.host, "net.ipv4.ip_local_port_range=20000 20000", "net.ipv4.tcp_tw_reuse=1", "net.ipv4.tcp_tw_reuse_delay=1")
	to := serve(t, w.peer, peer4, false)
	for range 20 {
		waitFor(t, func() bool { _, err := once(w.host, to, true); return err == nil }, func() string { return "no reuse" })
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var last segment.Segment
	conns := 0
	for i := range w.wire {
		s := &w.wire[i]
		if s.Src.Port != 20000 {
			continue
		}
		if s.Flags == segment.SYN {
			conns++
			if conns > 1 && (s.Seq != last.End()+65537 || int32(s.TSVal-last.TSVal) <= 0) {
				t.Errorf("connection %d begins at %d, TSval %d; the last ended at %d, %d", conns, s.Seq, s.TSVal, last.End(), last.TSVal)
			}
		}
		last = *s
	}
	if conns != 20 {
		t.Errorf("%d SYNs", conns)
	}
}

// TestServerClosesFirst: a client with few ports goes on for ever, as the
// server's TIME_WAIT lets its SYNs in; the wire sees no RST.
func TestServerClosesFirst(t *testing.T) {
	families(t, func(t *testing.T, host, peer netip.Addr) {
		w := newTwo(t)
		w.tune(t, w.peer, "net.ipv4.ip_local_port_range=20000 20001")
		to := serve(t, w.host, host, true)
		for i := range 50 {
			var err error
			waitFor(t, func() bool {
				_, err = once(w.peer, to, false) // fails while both ports are in LAST_ACK
				return !errors.Is(err, syscall.EADDRNOTAVAIL)
			}, func() string { return "no port comes back" })
			if err != nil {
				t.Fatalf("connection %d: %v", i+1, err)
			}
		}
		waitFor(t, func() bool { return w.host.TimeWaits() > 0 }, func() string { return "no TIME_WAIT" })
		if n := w.host.TimeWaits(); n > 2 {
			t.Errorf("%d in TIME_WAIT for 2 ports", n)
		}
		if i := slices.IndexFunc(w.flags(), func(f string) bool { return strings.Contains(f, "RST") }); i >= 0 {
			t.Errorf("segment %d on the wire is a RST", i)
		}
	})
}

// TestTimeWaitEnds: after 2MSL the port is free and the state CLOSED.
func TestTimeWaitEnds(t *testing.T) {
	w := newTwo(t)
	w.tune(t, w.host, "lastack.msl_ms=20", "net.ipv4.ip_local_port_range=20000 20000")
	to := serve(t, w.peer, peer4, false)
	for range 3 {
		var c *Conn
		waitFor(t, func() (ok bool) { var err error; c, err = once(w.host, to, true); return err == nil },
			func() string { return "the port does not come back" })
		waitState(t, w.host, c, "CLOSED")
		if w.host.TimeWaits() != 0 {
			t.Errorf("%d in TIME_WAIT", w.host.TimeWaits())
		}
	}
}

// TestRefusedPortIsFree: a connection that was refused leaves no port taken.
func TestRefusedPortIsFree(t *testing.T) {
	w := newTwo(t)
	w.tune(t, w.host, "net.ipv4.ip_local_port_range=20000 20000")
	for range 3 {
		if _, err := once(w.host, "10.0.0.1:9", true); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("want it refused: %v", err)
		}
	}
}

// TestNoTimestampsTunable: a host told so neither offers nor answers them.
func TestNoTimestampsTunable(t *testing.T) {
	w := newTwo(t)
	if err := w.host.Tunables().SetInt(tunable.Timestamps, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := once(w.host, serve(t, w.peer, peer4, false), true); err != nil {
		t.Fatal(err)
	}
	if _, err := once(w.peer, serve(t, w.host, addr4, false), true); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.wire {
		s := &w.wire[i]
		peerSYN := s.Flags == segment.SYN && s.Src.AddrPort().Addr() == peer4
		if s.HasTimestamps != peerSYN {
			t.Errorf("%s: timestamps %v", s.String(), s.HasTimestamps)
		}
	}
}
