package soak

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
)

// connectError is a handshake that failed.
type connectError struct{ error }

func (e *connectError) Unwrap() error { return e.error }

// samples is how many failures are told in full.
const samples = 20

// over counts connection n by how it ended.
func (w *crowd) over(n int64, x *exchange, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, n)
	w.tally.Bytes += x.back.Load()
	if err == nil {
		w.tally.Made++
		w.tally.Habits[x.habit.name]++
		return
	}
	var connecting *connectError
	var wrong *wrongByteError
	switch {
	case errors.As(err, &connecting) && errors.Is(err, syscall.ETIMEDOUT):
		w.tally.Unanswered++
		return
	case errors.As(err, &wrong):
		w.tally.Wrong++
	case errors.Is(err, errStalled):
		w.tally.Stalled++
	default:
		w.tally.Failed[x.habit.name+": "+plain(err)]++
	}
	if len(w.tally.Samples) < samples {
		w.tally.Samples = append(w.tally.Samples, fmt.Sprintf("connection %d, %s of %d bytes, %d sent, %d back, from %s: %v",
			n, x.habit.name, x.size, x.sent.Load(), x.back.Load(), local(x.conn), err))
	}
}

// plain is an error without the addresses, which would make each one different.
func plain(err error) string {
	var op *net.OpError
	var call *os.SyscallError
	switch {
	case errors.As(err, &call):
		return call.Error()
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// report is the tally as it is now.
func (w *crowd) report(last bool) *Clients {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.tally
	c.Begun, c.Done = w.begun.Load(), last
	if w.load.Count > 0 {
		c.Begun = min(c.Begun, w.load.Count)
	}
	c.Habits, c.Failed, c.Forged = maps.Clone(c.Habits), maps.Clone(c.Failed), maps.Clone(c.Forged)
	c.Samples = slices.Clone(c.Samples)
	for _, x := range w.open {
		c.Bytes += x.back.Load()
		if last {
			c.Open = append(c.Open, Open{
				Habit: x.habit.name, Local: local(x.conn), Remote: netip.AddrPortFrom(w.load.To, x.habit.port),
				Size: x.size, Sent: x.sent.Load(), Back: x.back.Load(),
			})
		}
	}
	return &c
}

// local is a connection's own address; the zero one if there is no connection.
func local(c *net.TCPConn) netip.AddrPort {
	if c == nil {
		return netip.AddrPort{}
	}
	a, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return a.AddrPort()
}
