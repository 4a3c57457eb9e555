package teardown

import (
	"math"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// talk records which side sent data when, to tell a request that crossed the end of an
// idle connection from other data that came too late.
type talk struct {
	at   time.Duration // of the latest new data
	wake *wake         // nil while nothing broke a silence
	by   flow.Side     // who sent that
	any  bool
	asked
}

// wake is the latest data that broke a silence.
type wake struct {
	after    time.Duration // how long the silence was
	at       time.Duration
	ack      segment.Seq // what it acknowledged
	end      segment.Seq // after its last byte
	by       flow.Side
	answered bool // the other side had spoken last
}

const (
	// silence is how long both sides have to be silent for a connection to be idle.
	// Applications answer faster, and no keep-alive timeout is as short.
	silence = 100 * time.Millisecond
	// crossing is how much later than a FIN a request may come, beside the
	// round trip, and still be called sent at the same time.
	crossing = 10 * time.Millisecond
	// hearing is how long after a FIN, beside two round trips, its receiver must
	// have it if it has it at all.
	hearing = 10 * time.Millisecond
)

// notice takes in what only the explanation of a close needs.
func (c *Conn) notice(r *Record, e *event) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if r.Seg.HasTimestamps && !e.flags.Has(segment.RST) {
		me.tsVal, me.hasTS = r.Seg.TSVal, true
	}
	if f := &peer.fin; f.seen && e.flags.Has(segment.ACK) && !e.flags.Has(segment.RST) {
		c.noticeHearing(r, e, f)
	}
	if e.marks.Has(flow.FirstFIN) && c.talk.any {
		me.fin.idle = max(0, e.at-c.talk.at)
		me.fin.spokeLast = c.talk.by == e.from && e.len == 0 && (e.from == flow.Server || c.asks())
	}
	if !e.flags.Has(segment.RST) && !e.marks.Any(flow.Challenged|flow.Ignored) {
		c.noticeAfterRST(r, e)
		c.gather(r, e)
	}
	if e.marks.Has(flow.NewData) {
		c.noticeData(e)
	}
}

// noticeHearing looks for signs that the other side has, or has not, received
// the FIN f.
func (c *Conn) noticeHearing(r *Record, e *event, f *fin) {
	switch {
	case r.Seg.SACKCount > 0:
		// A first block below the ACK is a D-SACK: received twice (RFC 2883 4).
		b := r.Seg.SACKBlocks[0]
		off := f.off + (r.Seg.Ack - e.ack)
		if b.End.LessEq(r.Seg.Ack) && off.Less(b.End) && b.Start.LessEq(off) {
			f.twice = true
		}
	case !f.acked && c.rttKnown[e.from] && e.at-f.at > 2*c.rtt[e.from]+hearing:
		f.unheard = true
		if e.ack == f.off {
			c.lost(e.from.Other()).unacked = uint32(min((e.at - f.at).Microseconds(), math.MaxUint32))
		}
	}
}

func (c *Conn) noticeData(e *event) {
	t := &c.talk
	if t.any && e.at-t.at >= silence {
		t.wake = &wake{
			after: e.at - t.at, at: e.at, by: e.from, answered: t.by != e.from,
			ack: e.ack, end: e.seq + segment.Seq(e.len),
		}
	}
	c.noticeRequest(e)
	t.any, t.by, t.at = true, e.from, e.at
}

// raced reports whether the client sent a request into an idle connection at the moment
// at which the server ended it: neither side had heard from the other, or almost. It
// returns how long the connection had been idle. Data of the server's are no request, and
// a request that it acknowledged did not cross.
func (c *Conn) raced() (idle time.Duration, ok bool) {
	const x, y = flow.Server, flow.Client
	w, f := c.talk.wake, &c.side[x].fin
	if c.over != wasReset || c.rst.by != x || w == nil || w.by != y || !w.answered || c.side[y].fin.seen {
		return 0, false
	}
	if c.side[x].hasAck && w.end.LessEq(c.side[x].maxAck) {
		return 0, false // received, whatever became of it
	}
	end := c.rst.at
	switch {
	case f.seen:
		end = f.at
	case !c.rst.hasAck:
		return 0, false // it answers the request: x had been gone for long
	case c.rst.ackNew && w.at <= c.rst.at:
		return 0, false // likewise received
	}
	late := w.at - end
	idle = w.after - max(0, late)
	switch {
	case idle < silence:
		return 0, false // x did not wait for another request
	case -late > c.rtt[x]+crossing:
		return 0, false // x had the request for long, whatever became of it
	case late > c.rtt[y]+crossing && (!f.seen || f.off.Less(w.ack)):
		return 0, false // y knew, or could have known
	}
	return idle, true
}

// stale is Detail.StaleRequest.
func (c *Conn) stale() bool {
	w := c.talk.wake
	return c.over == wasReset && w != nil && c.rst.by == flow.Server && c.rst.bytes > 0 && w.by == flow.Client && w.answered &&
		c.side[flow.Server].fin.seen && !c.side[flow.Client].fin.seen
}
