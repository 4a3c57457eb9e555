package teardown

import (
	"math"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// evidence is what a side did that may explain a RST later. A capture has many at once,
// so that the fields stand in an order that leaves no gaps.
type evidence struct {
	trouble *trouble // nil for most
	last    heard    // its latest segment with ACK
	paths   paths

	fastClose bool // it sent MP_FASTCLOSE
	sentOther bool // anything but RSTs

	// quickest is the least time, in microseconds, in which it acknowledged new data of
	// the other side, a round trip or more; 0 before the first.
	quickest uint32
}

// trouble is what only some sides have.
type trouble struct {
	tries tries
	// zero: its window is shut, since zeroAt; it probed the other's shut one so often.
	zeroAt     time.Duration
	zeroProbes uint16
	zero       bool
	// answered is its RST that said that it takes no more data, and that the other side
	// did not take. It tells why the connection ends, whatever a device on the path sends
	// after it.
	answered *rst
}

// troubled is the side's trouble, made where there is none yet.
func (e *evidence) troubled() *trouble {
	if e.trouble == nil {
		e.trouble = &trouble{}
	}
	return e.trouble
}

func (e *evidence) shut() bool { return e.trouble != nil && e.trouble.zero }

// heard is a segment that a RST may answer.
type heard struct {
	at   time.Duration
	ack  segment.Seq
	end  segment.Seq // after its last number
	room bool        // it takes any in sequence space
	fin  bool
	any  bool
	// received: it has heard from the other side, whether or not that was seen.
	received bool
}

// tries are a side's retransmissions and probes since the other was last heard from.
type tries struct {
	first  time.Duration
	sent   time.Duration // what is sent again: the latest that may have been its first time
	last   time.Duration // of again
	gap    time.Duration // of its SYN, how long after the one before it came
	probes uint16        // keep-alive
	again  uint16        // SYN, data or FIN
	timed  uint16        // of again, by a timer; see inVain
}

// probeEvery is the least time between two keep-alive probes, which Linux counts in
// seconds.
const probeEvery = 900 * time.Millisecond

// gather takes in a segment that is no RST and that counts.
func (c *Conn) gather(r *Record, e *event) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	me.paths.learn(r.Path)
	me.fastClose = me.fastClose || r.Seg.FastClose
	me.sentOther = true
	c.gatherProgress(e)
	c.gatherTries(e)
	if peer.trouble != nil && !e.marks.Has(flow.Opening|flow.Again) { // which shows that it heard nothing
		peer.trouble.tries = tries{}
	}
	if !e.flags.Has(segment.ACK) {
		return
	}
	if !e.flags.Has(segment.SYN) {
		c.gatherWindow(e)
	}
	end := e.seq + segment.Seq(e.len)
	if e.flags.Any(segment.FIN) {
		end++
	}
	h := &me.last
	h.at, h.ack, h.end, h.room, h.fin, h.any = e.at, e.ack, end, end != e.seq, e.flags.Has(segment.FIN), true
}

// gatherTries counts what e repeats, or asks for the second time.
func (c *Conn) gatherTries(e *event) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if !e.marks.Any(flow.KeepAlive | flow.NewData | flow.Again | flow.DuplicateACK | flow.FINAgain) {
		return
	}
	var t *tries
	switch {
	case e.flags.Has(segment.SYN):
		c.gatherSYN(e)
		return
	case peer.shut() && e.len <= 1 && e.marks.Any(flow.KeepAlive|flow.NewData|flow.Again|flow.DuplicateACK):
		me.troubled().zeroProbes++
	case e.marks.Has(flow.KeepAlive), e.marks.Has(flow.DuplicateACK) && me.last.any && e.at-me.last.at >= probeEvery && peer.last.at < me.last.at:
		t = &me.troubled().tries
		t.probes++
	case e.marks.Has(flow.FINAgain), e.marks.Has(flow.Again) && e.len > 0:
		t = &me.troubled().tries
		t.again++
		t.last = e.at
		if me.last.any && e.at-me.last.at >= TimerLeast {
			t.timed++
		}
	}
	if t == nil {
		return
	}
	if t.probes+t.again == 1 {
		t.first, t.sent = e.at, e.at
		if me.last.any {
			t.sent = me.last.at
		}
	}
}

// gatherSYN counts a SYN that comes again.
func (c *Conn) gatherSYN(e *event) {
	if !e.marks.Has(flow.Again) {
		return
	}
	before := c.synAt
	if e.from == flow.Server {
		before = c.synAckAt
	}
	t := &c.side[e.from].troubled().tries
	if t.again == 0 {
		t.first, t.sent = e.at, before
	} else {
		before = t.last
	}
	t.again, t.last, t.gap = t.again+1, e.at, max(0, e.at-before)
}

func (c *Conn) gatherWindow(e *event) {
	me := &c.side[e.from]
	switch peer := &c.side[e.from.Other()]; {
	case e.window == 0 && !me.shut():
		t := me.troubled()
		t.zero, t.zeroAt = true, e.at
	case e.window > 0 && me.shut():
		me.trouble.zero = false
		if peer.trouble != nil {
			peer.trouble.zeroProbes = 0
		}
	}
}

// time measures a round trip: e is about to acknowledge the other side's latest segment,
// which has data.
func (c *Conn) time(e *event) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if !peer.last.room || e.ack.Less(peer.last.end) || me.hasAck && peer.last.end.LessEq(me.maxAck) {
		return
	}
	took := uint32(min(max(1, (e.at-peer.last.at).Microseconds()), math.MaxUint32))
	if me.quickest == 0 || took < me.quickest {
		me.quickest = took
	}
}

// The bounds of how early an answer is too early.
const (
	earlyFrom  = 4 * time.Millisecond // of the quickest round trip
	earlyShare = 4
)

// early reports whether a RST acknowledges data that cannot have reached its side yet.
func (c *Conn) early(e *event) bool {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if !e.flags.Has(segment.ACK) || !c.rttKnown[e.from] || me.quickest == 0 || !peer.last.room {
		return false
	}
	least := min(time.Duration(me.quickest)*time.Microsecond, c.rtt[e.from])
	return least >= earlyFrom && peer.last.end.LessEq(e.ack) && me.hasAck && me.maxAck.Less(peer.last.end) &&
		e.at-peer.last.at < least/earlyShare
}

// The time in which a RST that answers a segment comes: a round trip to its sender, with
// some allowance, or where that is not known what most are under.
const (
	answerSlack   = 5 * time.Millisecond
	answerUnknown = 250 * time.Millisecond
)

// answered finds the segment that a RST answers: one of the other side's, of which the
// RST takes its number (RFC 9293 3.5.2), a round trip or so ago, and not acknowledged.
func (c *Conn) answered(e *event) (heard, bool) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	limit := answerUnknown
	if c.rttKnown[e.from] {
		limit = 2*c.rtt[e.from] + answerSlack
	}
	h := peer.last
	// Its own next number would be that of an abort, at any time; a lower one is not.
	behind := !e.flags.Has(segment.ACK) && me.last.any && e.seq.Less(me.last.end)
	if !h.any || h.ack != e.seq || e.at-h.at > limit && !behind {
		return heard{}, false
	}
	// A segment that its side had acknowledged found the connection alive.
	return h, !(h.room && me.hasAck && h.end.LessEq(me.maxAck))
}
