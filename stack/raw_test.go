package stack

import (
	"fmt"
	"net/netip"
	"testing"

	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// mustRaw makes a socket for the address' family.
func mustRaw(t *testing.T, h *Host, a netip.Addr) *Raw {
	t.Helper()
	r, err := h.Raw(protocolOf(a))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rawPair is a connection made of calls that do not wait.
func rawPair(t *testing.T, w *two, host netip.Addr) (atHost, atPeer *Raw) {
	t.Helper()
	l := mustRaw(t, w.host, host)
	if err := l.Bind(netip.AddrPortFrom(host, 0)); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(1); err != nil {
		t.Fatal(err)
	}
	bound, err := l.Endpoint.GetLocalAddress()
	if err != nil {
		t.Fatal(err)
	}
	c := mustRaw(t, w.peer, host)
	if err, ok := c.Connect(netip.AddrPortFrom(host, bound.Port), nil).(*tcpip.ErrConnectStarted); !ok {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return l.Readiness(waiter.ReadableEvents) != 0 }, func() string { return "nobody connects" })
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Fatal("a second connection")
	}
	l.Close()
	return a, c
}

func TestRawCloses(t *testing.T) {
	families(t, func(t *testing.T, host, _ netip.Addr) {
		w := newTwo(t)
		a, c := rawPair(t, w, host)
		state := func(r *Raw, want string) {
			t.Helper()
			waitFor(t, func() bool { return r.State() == want }, func() string { return fmt.Sprintf("%s, want %s; the wire saw %v", r.State(), want, w.flags()) })
		}
		state(c, "ESTABLISHED")
		ta, ok := a.Tuple()
		tc, ok2 := c.Tuple()
		if !ok || !ok2 || ta != tc.Reverse() {
			t.Errorf("%v and %v", ta, tc)
		}
		if n := a.FastOpened(); n != 0 {
			t.Errorf("%d bytes in the SYN", n)
		}
		a.Close()
		state(c, "CLOSE_WAIT")
		c.Close()
		state(a, "TIME_WAIT")
		state(c, "CLOSED")
		// netstack keeps TIME_WAIT for a moment only, and the host for a minute.
		waitFor(t, func() bool { _, ok := a.Tuple(); return !ok }, func() string { return "netstack keeps the connection" })
		state(a, "TIME_WAIT")
	})
}

// TestRawBound: a socket that is bound connects from its port.
func TestRawBound(t *testing.T) {
	w := newTwo(t)
	l := mustRaw(t, w.host, addr4)
	if err := l.Bind(netip.AddrPortFrom(addr4, 80)); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(1); err != nil {
		t.Fatal(err)
	}
	c := mustRaw(t, w.peer, peer4)
	if err := c.Bind(netip.AddrPortFrom(peer4, 4321)); err != nil {
		t.Fatal(err)
	}
	c.Connect(netip.AddrPortFrom(addr4, 80), nil)
	waitFor(t, func() bool { return c.State() == "ESTABLISHED" }, c.State)
	if tuple, _ := c.Tuple(); tuple.Src.Port != 4321 {
		t.Errorf("connected from %v", tuple.Src)
	}
}

// TestRawMayOpenFast: net.ipv4.tcp_fastopen permits data in a SYN, and a cookie or its bit 4
// makes them possible.
func TestRawMayOpenFast(t *testing.T) {
	w := newTwo(t)
	r := mustRaw(t, w.host, peer4)
	for _, tt := range []struct {
		value            int64
		permitted, ready bool
	}{{0, false, false}, {1, true, false}, {2, false, false}, {5, true, true}} {
		if err := w.host.Tunables().SetInt(tunable.FastOpen, tt.value); err != nil {
			t.Fatal(err)
		}
		if permitted, ready := r.MayOpenFast(netip.AddrPortFrom(peer4, 80)); permitted != tt.permitted || ready != tt.ready {
			t.Errorf("tcp_fastopen %d: permitted %v, ready %v", tt.value, permitted, ready)
		}
	}
}

// TestRawAsksForACookie: a SYN without data asks for one, where there is none.
func TestRawAsksForACookie(t *testing.T) {
	w := newTwo(t)
	r := mustRaw(t, w.host, peer4)
	r.Connect(netip.AddrPortFrom(peer4, 80), []byte{})
	waitFor(t, func() bool { return len(w.flags()) > 0 }, func() string { return "no SYN" })
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.wire[0]; s.FastOpen != segment.FastOpenOption || s.Cookie.Len != 0 {
		t.Errorf("the first segment is %v with the option %v", &s, s.FastOpen)
	}
}
