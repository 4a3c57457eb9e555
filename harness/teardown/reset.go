package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// rst is the RST that ended the connection, and what was known when it came.
type rst struct {
	at     time.Duration
	bytes  uint64        // of data that came too late for a side that had closed
	idle   time.Duration // since the latest new data, or, without any, since the first segment
	closed time.Duration // since its sender's FIN was acknowledged; -1 if it was not
	tries  tries         // its sender's
	shut   time.Duration // for how long the window that it probes had been shut; 0 if it probes none

	seq          segment.Seq
	hasAck       bool
	ackNew       bool // it acknowledges all that the other side had sent
	by           flow.Side
	when         moment
	mismatch     mismatch
	answers      bool // it answers the segment ...
	toFIN        bool // ... which is a FIN
	acked        bool // all data was acknowledged ...
	silent       bool // ... and nobody had closed
	asked        bool // the client's latest data may be a request
	id           uint16
	own          bool // TTL and ID continue its sender's segments
	recent       bool // its sender had sent something else less than GoneAfter before
	talked       bool // there was data
	spoke        flow.Side
	alone        bool // nothing else was seen of either side
	senderUnseen bool // nothing else was seen of its sender
	fast         bool // MP_FASTCLOSE
	repeated     bool // the other side had sent something again since its sender was heard

	// What came behind it, in case it did not count.
	behind    int32  // segments
	again     uint32 // the RST once more
	challenge bool   // an ACK of less than its number, as its receiver would answer it
}

// moment is when in the life of a connection a RST came.
type moment uint8

const (
	later     moment = iota
	inOpening        // before the handshake was over
	onOld            // the SYN met an older connection of the same 4-tuple
)

func (c *Conn) learnRST(r *Record, e *event, done bool) {
	if done {
		c.learnLateRST(e)
		return
	}
	if !e.marks.Has(flow.Reset) {
		return // of a connection that is over
	}
	c.rst = c.circumstances(r, e)
	e.note = noteReset
	if t := c.side[e.from].trouble; t != nil && t.answered != nil && c.rst.mismatch != noMismatch {
		c.rst = t.answered
	}
	if e.marks.Has(flow.Refusal) || c.probed(e) {
		c.over = wasRefused
		e.note = noteRefused
		return
	}
	c.over = wasReset
	if c.rst.bytes > 0 {
		e.note = noteDataAfterClose
	}
}

// circumstances are what is known when a RST comes.
func (c *Conn) circumstances(r *Record, e *event) *rst {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	out := &rst{
		by: e.from, at: e.at, seq: e.seq, hasAck: e.flags.Has(segment.ACK), closed: -1, idle: e.at,
		senderUnseen: !me.sentOther, alone: !me.sentOther && !peer.sentOther,
		talked: c.talk.any, spoke: c.talk.by, asked: c.asks(),
		id: r.Path.ID, own: me.paths.continuedBy(r.Path),
		recent: me.last.any && e.at-me.last.at < GoneAfter,
		fast:   r.Seg.FastClose || me.fastClose || peer.fastClose,
	}
	if c.talk.any {
		out.idle = max(0, e.at-c.talk.at)
	}
	if me.fin.acked {
		out.closed = max(0, e.at-me.fin.ackAt)
	}
	if t := me.trouble; t != nil {
		out.tries = t.tries
		if peer.shut() && t.zeroProbes > 0 {
			out.shut = max(0, e.at-peer.trouble.zeroAt)
		}
	}
	out.repeated = peer.trouble != nil && peer.trouble.tries.again > 0
	out.when = c.momentOf(e)
	out.ackNew = out.hasAck && peer.hasData && peer.dataEnd.LessEq(e.ack)
	out.acked = c.settled(e)
	out.silent = out.acked && c.fins == 0
	out.mismatch = c.mismatchIn(r, e)
	if h, ok := c.answered(e); ok && (!out.hasAck || me.hasAck && e.ack.Less(me.maxAck)) {
		out.answers, out.toFIN = true, h.fin
	}
	if n := c.beyondFIN(e.from); n > 0 && (!out.hasAck || me.maxAck == me.fin.ack) {
		out.bytes = uint64(n)
	}
	return out
}

func (c *Conn) momentOf(e *event) moment {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	switch {
	case e.from == flow.Client && me.synSeen && !peer.synSeen && peer.segments > 0 && me.bytes == 0:
		return onOld
	case peer.segments == 0 && me.hasAck:
		return later // the capture does not have the other direction
	case e.before[flow.Server] == flow.SynReceived || e.before[flow.Client] == flow.SynSent:
		return inOpening
	}
	return later
}

// settled reports whether both sides had all that the other had sent.
func (c *Conn) settled(e *event) bool {
	for s := range c.side {
		me, peer := &c.side[s], &c.side[1-s]
		got := peer.maxAck
		if flow.Side(1-s) == e.from && e.flags.Has(segment.ACK) {
			got = got.Max(e.ack)
		}
		if me.hasData && (!peer.hasAck || got.Less(me.dataEnd)) {
			return false
		}
	}
	return true
}

func (c *Conn) mismatchIn(r *Record, e *event) mismatch {
	me := &c.side[e.from]
	if s := me.paths.mismatchOf(r.Path, e.at-me.last.at, e.flags.Has(segment.ACK)); s != noMismatch {
		return s
	}
	if me.paths.echoes(&c.side[e.from.Other()].paths, r.Path) {
		return echoedID
	}
	if c.early(e) {
		return tooEarly
	}
	return noMismatch
}

// probed reports whether the RST answers a probe of a port where nothing listens that
// is no SYN: a FIN, nothing, or FIN, PSH and URG, without ACK (RFC 9293 3.10.7.1).
func (c *Conn) probed(e *event) bool {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	return !me.sentOther && c.bareProbe && e.flags.Has(segment.ACK) && !peer.hasAck
}

// beyondFIN counts the bytes that the other side sent beyond what a side acknowledged
// by and after its FIN: they arrived after it, if at all.
func (c *Conn) beyondFIN(s flow.Side) int {
	me, peer := &c.side[s], &c.side[s.Other()]
	if !me.fin.hasAck || !peer.hasData {
		return 0
	}
	return max(0, peer.dataEnd.Diff(me.maxAck.Max(me.fin.ack)))
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

// noticeAfterRST looks for proof that the RST was not its side's own: the side goes on
// with data behind it as if it had sent none. Data that itself bears signs of another
// machine proves nothing about that side.
func (c *Conn) noticeAfterRST(r *Record, e *event) {
	if c.over != wasReset || e.from != c.rst.by || !e.marks.Has(flow.NewData) || !c.rst.seq.LessEq(e.seq) ||
		c.rst.senderUnseen || c.rst.when != later || c.rst.mismatch != noMismatch {
		return
	}
	p := &c.side[e.from].paths
	if p.seen >= enoughTTLs && p.foreign(r.Path.TTL) || c.rst.own && farOff(r.Path.ID, c.rst.id) {
		return
	}
	c.rst.mismatch = contradicts
}
