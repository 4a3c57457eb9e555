package stack

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"lastack/stack/closepath"
	"lastack/stack/flow"
	"lastack/stack/link"
	"lastack/stack/segment"
	"lastack/stack/tunable"
	"lastack/tun/tuntest"

	"gvisor.dev/gvisor/pkg/tcpip"
)

var (
	addr4, addr6 = netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd00::2")
	peer4, peer6 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")
)

// lightly is whether the hosts under test serve connections light (lastack.light); all tests
// hold with both.
var lightly = flag.Bool("light", false, "serve connections light (lastack.light=1)")

// patience is how long what ends by itself may take: not many connections lose all they send
// for so long, and a busy machine may be ten times slower than an idle one.
const patience = 5 * time.Minute

// two are hosts at the ends of an in-memory wire: the one under test, and a
// peer whose delayed ACK is off so that its part is always the same.
type two struct {
	host, peer *Host
	device     link.Device // the host's, to send what neither would
	mu         sync.Mutex
	wire       []segment.Segment
	seen       func(*segment.Segment) // gets each of them, unless nil
	holds      []flow.Hold
}

func newTwo(t *testing.T) *two {
	t.Helper()
	return newTwoOn(t, nil)
}

// newTwoOn has both hosts live by a clock.
func newTwoOn(t *testing.T, clock tcpip.Clock) *two {
	t.Helper()
	w := &two{}
	a, b := tuntest.Pair(1500)
	w.device = a
	// On a busy machine a last ACK may go out twice, and draw a RST, which would end TIME_WAIT.
	hosts, peers := tunable.NewSet(), tunable.NewSet()
	err := errors.Join(hosts.SetInt(tunable.RFC1337, 1), peers.SetInt(tunable.RFC1337, 1), peers.SetInt(tunable.DelayedACK, 0))
	if *lightly {
		err = errors.Join(err, hosts.SetInt(tunable.Light, 1))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.host, err = New(Config{Device: a, Addrs: []netip.Addr{addr4, addr6}, Tunables: hosts, Tap: w.record, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	w.peer, err = New(Config{Device: b, Addrs: []netip.Addr{peer4, peer6}, Tunables: peers, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.host.Close(); err != nil {
			t.Error(err)
		}
		if err := w.peer.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *two) record(e *closepath.Event) {
	if e.Point != closepath.Wire || e.Kind != closepath.Seen {
		return
	}
	if w.seen != nil {
		w.seen(e.Seg)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wire = append(w.wire, *e.Seg)
	w.holds = append(w.holds, e.Hold)
}

// flags lists what the wire saw, host's segments marked with ">".
func (w *two) flags() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for i := range w.wire {
		s := &w.wire[i]
		mark := ""
		if a := s.Src.AddrPort().Addr(); a == addr4 || a == addr6 {
			mark = ">"
		}
		out = append(out, mark+s.Flags.String())
	}
	return out
}

// firstFIN is the first of the host's segments with a FIN.
func (w *two) firstFIN() segment.Segment {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.wire {
		if a := s.Src.AddrPort().Addr(); s.Flags.Has(segment.FIN) && (a == addr4 || a == addr6) {
			return s
		}
	}
	return segment.Segment{}
}

// waitFlags waits until the wire has seen n segments, and returns them all.
func (w *two) waitFlags(t *testing.T, n int) []string {
	t.Helper()
	waitFor(t, func() bool { return len(w.flags()) >= n },
		func() string { return fmt.Sprintf("the wire saw %v, want %d segments", w.flags(), n) })
	return w.flags()
}

// waitState waits until netstack has the connection in the state: the wire
// shows a segment before netstack has worked on it.
func waitState(t *testing.T, h *Host, c *Conn, want string) {
	t.Helper()
	waitFor(t, func() bool { return h.State(c.Tuple()) == want },
		func() string { return fmt.Sprintf("state %s, want %s", h.State(c.Tuple()), want) })
}

// settle returns when the host's netstack has worked on all that the wire has seen, and how
// many segments that is: a virtual clock that goes on before leaves netstack behind. The host
// reads its device in one goroutine, so that what came before a SYN that it refuses is delivered.
func (w *two) settle(t *testing.T, host netip.Addr) int {
	t.Helper()
	c, err := w.peer.Dial(t.Context(), "tcp", net.JoinHostPort(host.String(), "1"))
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("Dial of a port without a listener: %v, %v; want ECONNREFUSED", c, err)
	}
	w.host.Drain()
	return len(w.flags())
}

// waitFor looks every millisecond, for at most a minute: a busy machine may have to wait for
// several retransmissions.
func waitFor(t *testing.T, done func() bool, otherwise func() string) {
	t.Helper()
	give := time.NewTimer(time.Minute)
	defer give.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-give.C:
			t.Fatal(otherwise())
		}
	}
}

// families calls f with the address of each family.
func families(t *testing.T, f func(t *testing.T, host, peer netip.Addr)) {
	t.Run("IPv4", func(t *testing.T) { f(t, addr4, peer4) })
	t.Run("IPv6", func(t *testing.T) { f(t, addr6, peer6) })
}

// pair is a connection from peer to host, both ends.
func (w *two) pair(t *testing.T, host netip.Addr) (atHost, atPeer *Conn) {
	t.Helper()
	l, err := w.host.Listen("tcp", net.JoinHostPort(host.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return accept(t, l, w.peer)
}

func accept(t *testing.T, l *Listener, from *Host) (*Conn, *Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := from.Dial(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Conn), c.(*Conn)
}
