package experiment

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lastack/harness/lab/wire"
)

// fakeSide is a client with a table of ports instead of a network: Dial takes one
// port, which is free again after its time. It runs in a bubble's time.
type fakeSide struct {
	wire.Side
	ports int
	free  []time.Time     // of each port taken so far, when it is free again
	wait  time.Duration   // how long a port is not
	dials []time.Duration // when, since start
	start time.Time
	spoil error // of a read, once
}

func (s *fakeSide) Do(f func() error) error { return f() }

func (s *fakeSide) Dial(context.Context, netip.AddrPort, uint16, []byte) (wire.Conn, error) {
	now := time.Now()
	s.dials = append(s.dials, now.Sub(s.start))
	if s.ports > len(s.free) {
		s.free = append(s.free, now.Add(s.wait))
		return &fakeConn{spoil: s.spoil}, nil
	}
	for i, at := range s.free {
		if !now.Before(at) {
			s.free[i] = now.Add(s.wait)
			return &fakeConn{spoil: s.spoil}, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
}

// fakeConn is a connection to a server that echoes 64 bytes and closes when it is
// read further.
type fakeConn struct {
	wire.Conn
	data  []byte
	spoil error
}

func (c *fakeConn) Write(b []byte) (int, error) {
	c.data = append(c.data, b...)
	return len(b), nil
}

func (c *fakeConn) Read(b []byte) (int, error) {
	if c.spoil != nil {
		return 0, c.spoil
	}
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.data)
	c.data = c.data[n:]
	return n, nil
}

func (c *fakeConn) SetDeadline(time.Time) error { return nil }
func (c *fakeConn) CloseWrite() error           { return nil }
func (c *fakeConn) Close() error                { return nil }

// closing are the steps of a client that closes first.
var closing = []string{"connect", "echo 64", "half-close", "read to EOF", "close"}

// under is a client with the steps and a load on it.
func under(t *testing.T, l LoadSpec, steps ...string) *Experiment {
	t.Helper()
	e := &Experiment{Load: l}
	for _, text := range steps {
		var s Step
		if err := s.parse(text); err != nil {
			t.Fatal(err)
		}
		e.Client.Steps = append(e.Client.Steps, s)
	}
	return e
}

// drive runs a load on a fake client in a bubble of its own.
func drive(t *testing.T, spec LoadSpec, s *fakeSide, duration time.Duration, steps ...string) *Loaded {
	t.Helper()
	if steps == nil {
		steps = closing
	}
	var l *load
	synctest.Test(t, func(t *testing.T) {
		begin, cancel := context.WithTimeout(t.Context(), duration)
		defer cancel()
		s.start = time.Now()
		spec.Ports, spec.Workers = PortCount(s.ports), 4
		l = newLoad(begin, under(t, spec, steps...), s, netip.AddrPort{})
		if err := l.work(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return &l.tally.Loaded
}

func TestPortsRunOut(t *testing.T) {
	c := drive(t, LoadSpec{Connections: 60}, &fakeSide{ports: 20, wait: time.Minute}, time.Hour)
	if c.Made != 20 || c.Requests != 20 || c.Attempted != 60 || c.First == nil || *c.First != 21 || c.Failures[NoPort] != 40 {
		t.Errorf("of 60 connections on 20 ports: %+v", c)
	}
}

// TestReusePace: on ports that are free again after a second, no connection fails whose
// port rests longer, and all but the first round wait for theirs.
func TestReusePace(t *testing.T) {
	const rest = time.Second + 50*time.Millisecond
	s := &fakeSide{ports: 20, wait: time.Second}
	c := drive(t, LoadSpec{Connections: 60, Rest: Duration(rest)}, s, time.Hour)
	if c.Made != 60 || c.Seconds < 2 || c.Seconds > 2*rest.Seconds() {
		t.Errorf("%d made in %v s", c.Made, c.Seconds)
	}
	if s.dials[19] != 0 || s.dials[20] != rest {
		t.Errorf("the 20th begins at %v, the 21st at %v", s.dials[19], s.dials[20])
	}
}

func TestRate(t *testing.T) {
	s := &fakeSide{ports: 100}
	c := drive(t, LoadSpec{Connections: 1000, Rate: 10}, s, 1950*time.Millisecond)
	if s.dials[1] != 100*time.Millisecond || c.Attempted != 20 {
		t.Errorf("the second begins at %v; %d within 1.95 s at 10 per second", s.dials[1], c.Attempted)
	}
}

// TestPool: connections that are kept carry all the requests, and those beyond
// the requests are not made.
func TestPool(t *testing.T) {
	for _, tt := range []struct{ requests, made int }{{40, 5}, {3, 3}} {
		c := drive(t, LoadSpec{Pool: 5, Connections: tt.requests}, &fakeSide{ports: 100, wait: time.Minute}, time.Hour)
		if c.Made != tt.made || c.Requests != tt.requests || c.Attempted != tt.made {
			t.Errorf("%d requests: %+v", tt.requests, c)
		}
	}
}

// TestExchangeFails: a connection that breaks is not made, whatever it is for.
func TestExchangeFails(t *testing.T) {
	serverFirst := []string{"connect", "echo 64", "read to EOF", "close"}
	for name, tt := range map[string]struct {
		spec  LoadSpec
		steps []string
	}{
		"client-first": {LoadSpec{}, closing}, "server-first": {LoadSpec{}, serverFirst},
		"pool": {LoadSpec{Pool: 10}, closing}, "tw-reuse": {LoadSpec{Rest: Duration(time.Second)}, closing},
	} {
		tt.spec.Connections = 1
		c := drive(t, tt.spec, &fakeSide{ports: 50, spoil: syscall.ECONNRESET}, time.Hour, tt.steps...)
		if c.Made != 0 || c.Requests != 0 || c.Failures["connection reset by peer"] != 1 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestHang: after a connection that hung no other begins.
func TestHang(t *testing.T) {
	s := &fakeSide{ports: 50, spoil: os.ErrDeadlineExceeded}
	if c := drive(t, LoadSpec{Connections: 1000, Rate: 1}, s, time.Hour); c.Made != 0 || c.Attempted > 2 || c.Failures[timedOut] != c.Attempted {
		t.Errorf("%+v", c)
	}
}

// TestEcho: an answer that differs is no answer.
func TestEcho(t *testing.T) {
	c := drive(t, LoadSpec{Connections: 1}, &fakeSide{ports: 50}, time.Hour, "connect", `send "a"`, `echo 3`, "close")
	if c.Made != 0 || c.Failures["the answer is not what was sent"] != 1 {
		t.Errorf("%+v", c)
	}
}

// TestInterrupt: a wait for the next connection's time ends, and the reason is told.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		enough := errors.New("enough")
		time.AfterFunc(5*time.Second, func() { cancel(enough) })
		e := under(t, LoadSpec{Ports: PortCount(100), Connections: 1000, Rate: 1, Workers: 4}, closing...)
		l := newLoad(ctx, e, &fakeSide{ports: 100}, netip.AddrPort{})
		if err := l.work(ctx); !errors.Is(err, enough) || l.tally.Seconds != 5 {
			t.Errorf("%v after %v s", err, l.tally.Seconds)
		}
	})
}

func TestFailureOf(t *testing.T) {
	in := func(err error) error {
		return &net.OpError{Op: "dial", Addr: &net.TCPAddr{Port: 7}, Err: err}
	}
	for want, err := range map[string]error{
		NoPort:                     in(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)),
		"connection refused":       in(syscall.ECONNREFUSED),
		"timed out":                in(os.ErrDeadlineExceeded),
		"closed before the answer": io.ErrUnexpectedEOF,
		"3 bytes too many":         in(errors.New("3 bytes too many")),
	} {
		if got := failureOf(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}
