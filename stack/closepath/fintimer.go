package closepath

import (
	"time"

	"lastack/stack/segment"
)

// FINTimer is the timer of a FIN that the host has sent and the peer has not acknowledged.
type FINTimer struct {
	// Left is until the FIN is sent again, or the connection is given up, and Whole what it
	// was at first: the retransmission timeout.
	Left, Whole time.Duration
	// Copies of the FIN have been sent because it ran out.
	Copies int
}

// FINTimer is that of a connection (Src is the host), if it runs: not before the FIN is sent,
// not while data in front of it are missing, and not after it was acknowledged. netstack, which
// has a timer of its own, may send the FIN sooner.
func (e *Endpoint) FINTimer(t segment.Tuple) (timer FINTimer, runs bool) {
	f := e.flows.lookup(t)
	if f == nil {
		return timer, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &f.finishing
	if !h.on || f.gone.Load() || !f.conn.FINSent(f.host) || f.conn.Una(f.host)+1 != f.conn.Next(f.host) {
		return timer, false
	}
	timer = FINTimer{Whole: h.rto, Copies: h.copies}
	timer.Left = max(0, h.sent.Add(h.rto).Sub(e.clock.NowMonotonic()))
	return timer, true
}

// InFlight counts what the host has sent on a connection (Src is the host) and the peer has not
// acknowledged, in sequence numbers, of which the FIN is one. finSent: the FIN was sent, acknowledged
// or not. It is false for a connection that is not followed.
func (e *Endpoint) InFlight(t segment.Tuple) (n uint32, finSent, ok bool) {
	f := e.flows.lookup(t)
	if f == nil {
		return 0, false, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return uint32(max(0, f.conn.Next(f.host).Diff(f.conn.Una(f.host)))), f.conn.FINSent(f.host), true
}
