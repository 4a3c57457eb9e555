package churn

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

// drive runs a load on a fake client in a bubble of its own.
func drive(t *testing.T, m Mode, s *fakeSide, limit int, rate float64, duration time.Duration) (l *load, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		begin, cancel := context.WithTimeout(t.Context(), duration)
		defer cancel()
		s.start = time.Now()
		cfg := &Config{Connections: limit, Rate: rate, Workers: 4}
		l = newLoad(begin, cfg, m, &ground{client: s}, s.ports)
		var err error
		if took, err = l.work(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return l, took
}

func TestPortsRunOut(t *testing.T) {
	l, _ := drive(t, Modes()[0], &fakeSide{ports: 20, wait: time.Minute}, 60, 0, time.Hour)
	if c := &l.tally; c.made != 20 || c.answered != 20 || c.attempted != 60 || c.first != 21 || c.failures[noPort] != 40 {
		t.Errorf("of 60 connections on 20 ports: %+v", c)
	}
}

// TestReusePace: on ports that are free again after a second, no connection of
// tw-reuse fails, and all but the first round wait for theirs.
func TestReusePace(t *testing.T) {
	s := &fakeSide{ports: 20, wait: time.Second}
	m, _ := ParseMode("tw-reuse")
	l, took := drive(t, m, s, 60, 0, time.Hour)
	if l.tally.made != 60 || took < 2*time.Second || took > 2*reuseAfter {
		t.Errorf("%d made in %v", l.tally.made, took)
	}
	if s.dials[19] != 0 || s.dials[20] != reuseAfter {
		t.Errorf("the 20th begins at %v, the 21st at %v", s.dials[19], s.dials[20])
	}
}

func TestRate(t *testing.T) {
	s := &fakeSide{ports: 100}
	l, _ := drive(t, Modes()[0], s, 1000, 10, 1950*time.Millisecond)
	if s.dials[1] != 100*time.Millisecond || l.tally.attempted != 20 {
		t.Errorf("the second begins at %v; %d within 1.95 s at 10 per second", s.dials[1], l.tally.attempted)
	}
}

// TestPool: connections that are kept carry all the requests, and those beyond
// the requests are not made.
func TestPool(t *testing.T) {
	m, _ := ParseMode("pool=5")
	for _, tt := range []struct{ requests, made int }{{40, 5}, {3, 3}} {
		l, _ := drive(t, m, &fakeSide{ports: 100, wait: time.Minute}, tt.requests, 0, time.Hour)
		if c := &l.tally; c.made != tt.made || c.answered != tt.requests || c.attempted != tt.made {
			t.Errorf("%d requests: %+v", tt.requests, c)
		}
	}
}

// TestExchangeFails: a connection that breaks is not made, whatever it is for.
func TestExchangeFails(t *testing.T) {
	for _, m := range Modes() {
		l, _ := drive(t, m, &fakeSide{ports: 50, spoil: syscall.ECONNRESET}, 1, 0, time.Hour)
		if c := &l.tally; c.made != 0 || c.answered != 0 || c.failures["connection reset by peer"] != 1 {
			t.Errorf("%s: %+v", m, c)
		}
	}
}

// TestInterrupt: a wait for the next connection's time ends, and the reason is told.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		enough := errors.New("enough")
		time.AfterFunc(5*time.Second, func() { cancel(enough) })
		cfg := &Config{Connections: 1000, Rate: 1, Workers: 4}
		l := newLoad(ctx, cfg, Modes()[0], &ground{client: &fakeSide{ports: 100}}, 100)
		if took, err := l.work(ctx); !errors.Is(err, enough) || took != 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestKindOf(t *testing.T) {
	in := func(err error) error {
		return &net.OpError{Op: "dial", Addr: &net.TCPAddr{Port: 7}, Err: err}
	}
	for want, err := range map[string]error{
		noPort:                     in(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)),
		"connection refused":       in(syscall.ECONNREFUSED),
		"timed out":                in(os.ErrDeadlineExceeded),
		"closed before the answer": io.ErrUnexpectedEOF,
		"3 bytes too many":         in(errors.New("3 bytes too many")),
	} {
		if got := kindOf(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}
