package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// rst is the RST that ended the connection.
type rst struct {
	at     time.Duration
	bytes  uint64 // causeClosed: of data that came too late
	hasAck bool
	by     flow.Side
	cause  cause
}

// cause is why a side reset the connection, as far as the wire tells.
type cause uint8

const (
	// causeAbort: the application, or its stack on its behalf, gave up.
	causeAbort cause = iota
	// causeAbortUnread: the same, and there was data it may not have read.
	causeAbortUnread
	// causeClosed: data came for a side that had closed both directions.
	causeClosed
	// causeForgotten: the second FIN came for a side that had forgotten.
	causeForgotten
	// causeUnknown: a segment came for a connection that the side did not
	// know, or not any more.
	causeUnknown
	// causeImpatient: the side gave up after its own FIN.
	causeImpatient
	// causeOpening: before the handshake was over.
	causeOpening
	// causeOld: the SYN met an older connection of the same 4-tuple.
	causeOld
)

func (c *Conn) learnRST(e *event, done bool) {
	if done {
		c.learnLateRST(e)
		return
	}
	if !e.marks.Has(flow.Reset) {
		return // of a connection that is over
	}
	c.rst.by, c.rst.at = e.from, e.at
	c.rst.hasAck = e.flags.Has(segment.ACK)
	e.note = noteReset
	if e.marks.Has(flow.Refusal) {
		c.over = wasRefused
		e.note = noteRefused
		return
	}
	c.over = wasReset
	c.rst.cause = c.causeOf(e)
	if c.rst.cause == causeClosed {
		c.rst.bytes = uint64(c.beyondFIN(e.from))
		e.note = noteDataAfterClose
	}
}

// causeOf judges a RST by what came before it. A RST with ACK is sent of its
// sender's own accord; one without answers a segment that had an ACK, and takes
// its sequence number from there (RFC 9293 3.5.2).
func (c *Conn) causeOf(e *event) cause {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	bare := !e.flags.Has(segment.ACK)
	switch {
	case e.from == flow.Client && me.synSeen && !peer.synSeen && peer.segments > 0 && me.bytes == 0:
		return causeOld
	case e.before[flow.Server] == flow.SynReceived || e.before[flow.Client] == flow.SynSent:
		return causeOpening
	case me.fin.seen && c.afterFIN && c.answersFIN != e.from:
		return causeForgotten
	case c.beyondFIN(e.from) > 0 && (bare || me.maxAck == me.fin.ack):
		// What it acknowledged beyond that it would have read.
		return causeClosed
	case bare:
		return causeUnknown
	case me.fin.seen && !peer.fin.seen:
		return causeImpatient
	case peer.bytes > 0:
		return causeAbortUnread
	}
	return causeAbort
}

// beyondFIN counts the bytes that the other side sent beyond what a side's FIN
// acknowledged: they arrived after it, if at all.
func (c *Conn) beyondFIN(s flow.Side) int {
	f, peer := &c.side[s].fin, &c.side[s.Other()]
	if !f.hasAck || !peer.hasData {
		return 0
	}
	return max(0, peer.dataEnd.Diff(f.ack))
}

// learnLateRST takes in a RST after the close was over. A RST with exactly the
// number that TIME_WAIT expects ends it (RFC 9293 3.10.7.4, RFC 5961 3; RFC 1337
// advises against, and Linux obeys that only with tcp_rfc1337). A side that
// sends a RST has no TIME_WAIT left.
func (c *Conn) learnLateRST(e *event) {
	if c.over != notReset {
		return
	}
	c.lateR = true
	e.note = noteLateRST
	me, other := &c.side[e.from], e.from.Other()
	if e.seq == me.fin.off+1 {
		e.kills[other] = true
	}
	e.kills[e.from] = true
	before := c.inTimeWait()
	for s := range e.kills {
		c.side[s].killed = c.side[s].killed || e.kills[s]
	}
	if after := c.inTimeWait(); after != before {
		for s := range after {
			before[s] = before[s] && !after[s]
		}
		c.gone, c.lateBy = before, e.from
	}
}
