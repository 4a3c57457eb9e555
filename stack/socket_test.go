package stack

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// find returns the host's sockets in a state.
func find(h *Host, state string) []Socket {
	var found []Socket
	h.EachSocket(func(s *Socket) bool {
		if s.State == state {
			found = append(found, *s)
		}
		return true
	})
	return found
}

func TestSocketsOfListeners(t *testing.T) {
	w := newTwo(t)
	for _, l := range []struct{ network, address string }{
		{"tcp", "10.0.0.2:83"}, {"tcp6", ":81"}, {"tcp4", ":82"}, {"tcp", ":80"},
	} {
		ln, err := w.host.Listen(l.network, l.address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = ln.Close() }()
	}
	want := []Socket{
		{State: "LISTEN", Local: netip.MustParseAddrPort("[::]:80"), SendQ: 4096},
		{State: "LISTEN", Local: netip.MustParseAddrPort("[::]:81"), SendQ: 4096, V6Only: true},
		{State: "LISTEN", Local: netip.MustParseAddrPort("0.0.0.0:82"), SendQ: 4096},
		{State: "LISTEN", Local: netip.MustParseAddrPort("10.0.0.2:83"), SendQ: 4096},
	}
	if diff := cmp.Diff(want, w.host.Sockets(), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Error(diff)
	}
	if c := w.host.SocketCounts(); c.States["LISTEN"] != 4 || c.IPv4 != 2 || c.IPv6 != 2 {
		t.Errorf("counts %+v", c)
	}
}

func TestSocketsOfAConnection(t *testing.T) {
	families(t, func(t *testing.T, host, _ netip.Addr) {
		w := newTwo(t)
		s, c := w.pair(t, host)
		if _, err := c.Write([]byte("unread")); err != nil {
			t.Fatal(err)
		}
		want := Socket{
			State: "ESTABLISHED", RecvQ: 6, Timestamps: true, Light: *lightly,
			Local:  s.LocalAddr().(*net.TCPAddr).AddrPort(),
			Remote: s.RemoteAddr().(*net.TCPAddr).AddrPort(),
		}
		waitFor(t, func() bool {
			got := w.host.Sockets()
			return len(got) == 1 && got[0] == want
		}, func() string { return fmt.Sprintf("%+v, want %+v", w.host.Sockets(), want) })
		_ = c.Close()
		waitState(t, w.host, s, "CLOSE_WAIT")
		if got := w.host.SocketCounts(); got.States["CLOSE_WAIT"] != 1 || got.Orphaned != 0 {
			t.Errorf("counts %+v, want one in CLOSE_WAIT", got)
		}
		waitState(t, w.peer, c, "FIN_WAIT_2")
		if got := w.peer.SocketCounts(); got.States["FIN_WAIT_2"] != 1 || got.Orphaned != 1 {
			t.Errorf("the peer counts %+v, want one in FIN_WAIT_2, orphaned", got)
		}
	})
}

func TestSocketsOfAHandshake(t *testing.T) {
	w := newTwo(t)
	ep, _, err := w.host.newEndpoint(protocolOf(addr4))
	if err != nil {
		t.Fatal(err)
	}
	defer ep.Close()
	// Nobody has the address, so nobody answers.
	to := netip.MustParseAddrPort("10.0.0.9:80")
	_ = ep.Connect(fullAddress(to))
	got := find(w.host, "SYN_SENT")
	if len(got) != 1 || got[0].Remote != to || got[0].Local.Addr() != addr4 {
		t.Errorf("%+v, want a SYN_SENT to %s", got, to)
	}
}

func TestSocketsInTimeWait(t *testing.T) {
	families(t, func(t *testing.T, host, _ netip.Addr) {
		w := newTwo(t)
		s, c := w.pair(t, host)
		_ = s.Close()
		_ = c.Close()
		waitFor(t, func() bool { return w.host.SocketCounts().States["TIME_WAIT"] == 1 },
			func() string { return fmt.Sprintf("counts %+v", w.host.SocketCounts()) })
		got := find(w.host, "TIME_WAIT")
		if len(got) != 1 {
			t.Fatalf("sockets %+v, want one in TIME_WAIT", w.host.Sockets())
		}
		if left := got[0].TimerLeft; left < 50*time.Second || left > 60*time.Second+100*time.Millisecond {
			t.Errorf("%v left of TIME_WAIT, want about 60 s", left)
		}
		want := Socket{
			State: "TIME_WAIT", Timer: "timewait", TimerLeft: got[0].TimerLeft, Timestamps: true,
			Local:  s.LocalAddr().(*net.TCPAddr).AddrPort(),
			Remote: s.RemoteAddr().(*net.TCPAddr).AddrPort(),
		}
		if got[0] != want {
			t.Errorf("%+v, want %+v", got[0], want)
		}
	})
}

func TestEachSocketStops(t *testing.T) {
	w := newTwo(t)
	for range 3 {
		w.pair(t, addr4)
	}
	n := 0
	w.host.EachSocket(func(*Socket) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("called %d times, want 2", n)
	}
}
