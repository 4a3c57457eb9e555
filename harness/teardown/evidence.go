package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// evidence is what a side did that may explain a RST later.
type evidence struct {
	paths paths
	tries tries
	last  [2]heard // its latest segments with ACK, the latest first
	// dataAt is when its latest new data passed, and quickest the least time in which
	// such was acknowledged by the other side: a round trip or more.
	dataAt   time.Duration
	quickest time.Duration
	samples  uint8
	// zero: its window is shut, since zeroAt; the other side probed it so often.
	zero       bool
	zeroAt     time.Duration
	zeroProbes uint16
	fastClose  bool // it sent MP_FASTCLOSE
	sentOther  bool // anything but RSTs
}

// heard is a segment that a RST may answer.
type heard struct {
	at   time.Duration
	ack  segment.Seq
	end  segment.Seq // after its last number
	room bool        // it takes any in sequence space
	fin  bool
	any  bool
}

// tries are what a side sent again, or asked, since the other was heard of last.
type tries struct {
	first, last time.Duration
	probes      uint16 // keep-alive
	again       uint16 // data or FIN
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
	c.gatherTries(e)
	peer.tries = tries{}
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
	me.last[1] = me.last[0]
	me.last[0] = heard{at: e.at, ack: e.ack, end: end, room: end != e.seq, fin: e.flags.Has(segment.FIN), any: true}
	if e.marks.Has(flow.NewData) {
		me.dataAt = e.at
	}
}

// gatherTries counts what e repeats, or asks for the second time.
func (c *Conn) gatherTries(e *event) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	t := &me.tries
	switch {
	case peer.zero && e.len <= 1 && e.marks.Any(flow.KeepAlive|flow.NewData|flow.Again|flow.DuplicateACK):
		me.zeroProbes++
	case e.marks.Has(flow.KeepAlive), e.marks.Has(flow.DuplicateACK) && me.last[0].any && e.at-me.last[0].at >= probeEvery && peer.last[0].at < me.last[0].at:
		t.probes++
	case e.marks.Has(flow.FINAgain), e.marks.Has(flow.Again) && e.len > 0:
		t.again++
	default:
		return
	}
	if t.probes+t.again <= 1 {
		t.first = e.at
	}
	t.last = e.at
}

func (c *Conn) gatherWindow(e *event) {
	me := &c.side[e.from]
	switch {
	case e.window > 0:
		me.zero = false
		c.side[e.from.Other()].zeroProbes = 0
	case !me.zero:
		me.zero, me.zeroAt = true, e.at
	}
}

// time measures a round trip: e is about to acknowledge the other side's latest data.
func (c *Conn) time(e *event) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if !peer.hasData || peer.dataAt == 0 || e.ack.Less(peer.dataEnd) || me.hasAck && peer.dataEnd.LessEq(me.maxAck) {
		return
	}
	took := e.at - peer.dataAt
	if me.samples == 0 || took < me.quickest {
		me.quickest = took
	}
	me.samples = min(me.samples+1, 100)
}

// The bounds of how early an answer is too early.
const (
	earlyFrom  = 4 * time.Millisecond // of the quickest round trip
	earlyShare = 4
)

// early reports whether a RST acknowledges data that cannot have reached its side yet.
func (c *Conn) early(e *event) bool {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if !e.flags.Has(segment.ACK) || !c.rttKnown[e.from] || me.samples == 0 || !peer.hasData {
		return false
	}
	least := min(me.quickest, c.rtt[e.from])
	return least >= earlyFrom && peer.dataEnd.LessEq(e.ack) && me.hasAck && me.maxAck.Less(peer.dataEnd) &&
		e.at-peer.dataAt < least/earlyShare
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
	for _, h := range peer.last {
		switch {
		case !h.any || h.ack != e.seq || e.at-h.at > limit:
		case h.room && me.hasAck && h.end.LessEq(me.maxAck):
			return heard{}, false // its side knew the connection when this came, and what came before
		default:
			return h, true
		}
	}
	return heard{}, false
}
