package stack

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"lastack/stack/impair"

	"gvisor.dev/gvisor/pkg/tcpip/faketime"
)

// silence loses whatever is sent to the host.
func silence(t *testing.T, h *Host) {
	t.Helper()
	rule, err := impair.Parse("drop segments from peer")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SetImpairments([]impair.Rule{rule}); err != nil {
		t.Fatal(err)
	}
}

// TestKeepAlive: probes go out when a connection was idle for so long, and a peer that
// answers none of so many is given up.
func TestKeepAlive(t *testing.T) {
	families(t, func(t *testing.T, host, _ netip.Addr) {
		clock := faketime.NewManualClock()
		w := newTwoOn(t, clock)
		s, c := w.pair(t, host)
		if err := s.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: true, Idle: 10 * time.Second, Interval: 2 * time.Second, Count: 3,
		}); err != nil {
			t.Fatal(err)
		}
		before := len(w.waitFlags(t, 3))
		clock.Advance(10*time.Second - time.Millisecond)
		if n := len(w.flags()); n != before {
			t.Errorf("%d segments before the time", n-before)
		}
		clock.Advance(time.Millisecond)
		if got := w.waitFlags(t, before+2)[before:]; got[0] != ">ACK" || got[1] != "ACK" {
			t.Errorf("after 10 s: %v, want a probe and its answer", got)
		}
		before = w.settle(t, host)

		silence(t, w.host)
		end := make(chan error, 1)
		go func() {
			_, err := s.Read(make([]byte, 1))
			end <- err
		}()
		probe := []string{">ACK", "ACK"} // and an answer, which does not arrive
		for i, d := range []time.Duration{10 * time.Second, 2 * time.Second, 2 * time.Second} {
			clock.Advance(d)
			w.waitFlags(t, before+(i+1)*len(probe)) // or the clock overtakes the peer
		}
		clock.Advance(2 * time.Second)
		var err error
		waitFor(t, func() bool {
			select {
			case err = <-end:
				return true
			default:
				return false
			}
		}, func() string { return "a peer that answers no probe is not given up" })
		waitFor(t, func() bool {
			clock.Advance(10 * time.Millisecond)
			return len(w.flags()) > before+3*len(probe)
		}, func() string { return "the peer is not told" })
		if got := w.flags()[before:]; !slices.Equal(got, append(slices.Repeat(probe, 3), ">RST+ACK")) {
			t.Errorf("the wire saw %v, want three probes and a RST", got)
		}
		if !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("Read: %v, want ETIMEDOUT", err)
		}
		_ = c.Close()
	})
}

// TestKeepAliveOff: none of these sends a probe.
func TestKeepAliveOff(t *testing.T) {
	for name, set := range map[string]func(*Conn) error{
		"default": func(*Conn) error { return nil },
		"period":  func(c *Conn) error { return c.SetKeepAlivePeriod(time.Second) },
		"disabled": func(c *Conn) error {
			return errors.Join(c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second}), c.SetKeepAlive(false))
		},
		"config": func(c *Conn) error { return c.SetKeepAliveConfig(net.KeepAliveConfig{}) },
	} {
		t.Run(name, func(t *testing.T) {
			clock := faketime.NewManualClock()
			w := newTwoOn(t, clock)
			s, _ := w.pair(t, addr4)
			if err := set(s); err != nil {
				t.Fatal(err)
			}
			before := len(w.waitFlags(t, 3))
			for range 60 {
				clock.Advance(time.Second)
			}
			if n := len(w.flags()); n != before {
				t.Errorf("%d segments in a minute: %v", n-before, w.flags())
			}
		})
	}
}

// TestKeepAliveDefaults: zeros are net's, and what is negative stays.
func TestKeepAliveDefaults(t *testing.T) {
	clock := faketime.NewManualClock()
	w := newTwoOn(t, clock)
	s, _ := w.pair(t, addr4)
	before := len(w.waitFlags(t, 3))
	if err := errors.Join(s.SetKeepAlivePeriod(4*time.Second),
		s.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1})); err != nil {
		t.Fatal(err)
	}
	clock.Advance(4 * time.Second)
	w.waitFlags(t, before+2)
	before = w.settle(t, addr4)
	if err := s.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(14 * time.Second)
	if n := len(w.flags()); n != before {
		t.Errorf("%d segments after 14 s: %v", n-before, w.flags())
	}
	clock.Advance(time.Second)
	w.waitFlags(t, before+2)
}

// TestNoDelay: small writes go at once, or wait for the acknowledgment of those before.
func TestNoDelay(t *testing.T) {
	for _, tt := range []struct {
		noDelay bool
		want    int // segments with data of three writes, when nothing is acknowledged
	}{{true, 3}, {false, 1}} {
		w := newTwoOn(t, faketime.NewManualClock())
		s, _ := w.pair(t, addr4)
		if err := s.SetNoDelay(tt.noDelay); err != nil {
			t.Fatal(err)
		}
		silence(t, w.host)
		for range 3 {
			if _, err := s.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		waitFor(t, func() bool { return w.withData() >= tt.want },
			func() string { return fmt.Sprintf("SetNoDelay(%v): the wire saw %v", tt.noDelay, w.flags()) })
		if n := w.withData(); n != tt.want {
			t.Errorf("SetNoDelay(%v): %d segments with data, want %d", tt.noDelay, n, tt.want)
		}
	}
}

// withData counts the segments with data that the wire saw.
func (w *two) withData() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.wire {
		if w.wire[i].PayloadLen > 0 {
			n++
		}
	}
	return n
}

func TestOptionsAfterClose(t *testing.T) {
	w := newTwo(t)
	s, _ := w.pair(t, addr4)
	_ = s.Close()
	for name, f := range map[string]func() error{
		"SetKeepAlive":       func() error { return s.SetKeepAlive(true) },
		"SetKeepAlivePeriod": func() error { return s.SetKeepAlivePeriod(time.Second) },
		"SetKeepAliveConfig": func() error { return s.SetKeepAliveConfig(net.KeepAliveConfig{}) },
		"SetNoDelay":         func() error { return s.SetNoDelay(true) },
	} {
		if err := f(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v, want net.ErrClosed", name, err)
		}
	}
}

// TestNoFile: who asks for a file descriptor is told why there is none.
func TestNoFile(t *testing.T) {
	w := newTwo(t)
	s, _ := w.pair(t, addr4)
	l, err := w.host.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []interface{ File() (*os.File, error) }{s, l} {
		f, err := x.File()
		var op *net.OpError
		if f != nil || !errors.Is(err, errors.ErrUnsupported) || !errors.As(err, &op) || op.Op != "file" {
			t.Errorf("%T: %v, %v", x, f, err)
		}
	}
	if _, raw := any(s).(syscall.Conn); raw {
		t.Error("a Conn has SyscallConn, by which other packages would reach past it")
	}
}

// TestListenerDeadline: it ends every Accept, those at work too, may be moved, and loses no
// connection.
func TestListenerDeadline(t *testing.T) {
	clock := faketime.NewManualClock()
	w := newTwoOn(t, clock)
	l, err := w.host.Listen("tcp", "10.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.SetDeadline(clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	const acceptors = 4
	ends := make(chan error, acceptors)
	for range acceptors {
		go func() { _, err := l.Accept(); ends <- err }()
	}
	if err := l.SetDeadline(clock.Now().Add(time.Minute)); err != nil { // sooner
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	for range acceptors {
		err := <-ends
		var ne net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("Accept: %v, want a timeout", err)
		}
	}
	c, err := w.peer.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Accept of a connection that waits: %v, want a timeout, as of *net.TCPListener", err)
	}
	if err := l.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil || s.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("Accept: %v, %v", s, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.SetDeadline(clock.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SetDeadline after Close: %v, want net.ErrClosed", err)
	}
}
