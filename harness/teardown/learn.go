package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// learn takes one event into what is known of the connection, and notes on the
// event what it was. flow.Step says what a segment was as far as the observer
// could know then; what is kept here also serves captures that have segments in
// another order than they were sent.
func (c *Conn) learn(r *Record, e *event) {
	if e.marks.Has(flow.Revived) {
		c.revive(e)
	}
	c.behindRST(e)
	c.answerFIN(e)
	done := c.Done()
	if !done && c.learnRefused(e) {
		e.key = true
		return
	}
	if done {
		c.late++
		e.note = noteLate
		e.key = true
	}
	if e.flags.Has(segment.RST) {
		c.learnRST(r, e, done)
	} else {
		c.learnSYN(e)
		c.learnACK(e)
		c.learnData(e)
		c.learnFIN(e)
	}
	if e.note == noteNone {
		e.note = plainNote(e)
	}
}

func (c *Conn) learnSYN(e *event) {
	syn := e.flags.Has(segment.SYN)
	switch {
	case syn && e.from == flow.Client:
		if c.syns == 0 {
			c.synAt = e.at
		}
		c.syns++
	case syn && !c.side[flow.Server].synSeen:
		c.synAckAt = e.at
		// With two SYNs it is unknown which one was answered.
		if c.syns == 1 && e.flags.Has(segment.ACK) {
			c.rtt[flow.Server], c.rttKnown[flow.Server] = e.at-c.synAt, true
		}
	case !syn && e.from == flow.Client && c.side[flow.Server].synSeen && !c.rttKnown[flow.Client]:
		c.rtt[flow.Client], c.rttKnown[flow.Client] = e.at-c.synAckAt, true
	}
	if syn {
		c.side[e.from].synSeen, c.handshake = true, true
	}
}

func (c *Conn) learnACK(e *event) {
	if !e.flags.Has(segment.ACK) {
		return
	}
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	c.time(e)
	if !me.hasAck || me.maxAck.Less(e.ack) {
		e.newAck = me.hasAck
		me.maxAck, me.hasAck = e.ack, true
	}
	if !peer.fin.seen || !peer.fin.off.Less(e.ack) {
		return
	}
	c.aware(e)
	if peer.fin.again > 0 && e.pureACK() {
		c.lost(e.from.Other()).answers++
	}
	switch {
	case !peer.fin.acked:
		peer.fin.acknowledged(e)
		peer.fin.alone = !me.fin.seen && !e.flags.Has(segment.FIN)
		c.inferMissed(e)
	case me.fin.seen && !me.fin.acked && e.pureACK() && e.seq == me.fin.off:
		// Numbered before this side's FIN, so it was sent before it.
		peer.fin.alone, peer.fin.aloneOrder = true, true
		e.note = noteOvertaken
	case peer.fin.again > 0 && e.pureACK():
		e.note = noteACKAgain
	}
}

// acknowledged: e is the first segment that acknowledges the FIN.
func (f *fin) acknowledged(e *event) {
	f.acked, f.ackAt, f.copies = true, e.at, f.again
	if f.last == f.at {
		f.copies = 0 // the later ones are known to be lost
	}
	f.wait = max(0, e.at-f.last)
	f.held, f.hold = e.held, e.hold
	f.byData, f.byFIN = e.len > 0, e.flags.Has(segment.FIN)
	e.carries, e.wait, e.note = true, f.wait, noteAcksFIN
}

// maxWindow is the largest window there is (RFC 7323 2.3): what lies further
// ahead is not data of this connection.
const maxWindow = 1 << 30

func (c *Conn) learnData(e *event) {
	if e.len == 0 || e.marks.Has(flow.KeepAlive) {
		return
	}
	begin := e.seq
	if e.flags.Has(segment.SYN) {
		begin++
	}
	end := begin + segment.Seq(e.len)
	me := &c.side[e.from]
	if me.fin.seen && me.fin.off.Less(end) {
		me.pastFIN = true
		end = me.fin.off
	}
	c.extend(e, begin, end)
}

// extend moves the end of data of e's sender up to end. Data belongs to the half
// close if it was sent when the other side's FIN had arrived: what was sent then
// acknowledges it.
func (c *Conn) extend(e *event, begin, end segment.Seq) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if !me.hasData {
		me.hasData, me.dataEnd = true, begin
		if me.synSeen {
			me.dataEnd = 1
		}
	}
	n := end.Diff(me.dataEnd)
	if n <= 0 || n > maxWindow {
		return
	}
	me.dataEnd = end
	me.bytes += uint64(n)
	if peer.fin.seen && !me.fin.seen && e.flags.Has(segment.ACK) && peer.fin.off.Less(e.ack) {
		me.after += uint64(n)
	}
}

func (c *Conn) learnFIN(e *event) {
	if !e.flags.Has(segment.FIN) {
		return
	}
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if off := e.seq + segment.Seq(e.len); me.fin.seen && !me.fin.acked && off.Less(me.fin.off) {
		c.withdrawFIN(e.from)
	}
	if me.fin.seen && !e.missed && c.repeats(e) {
		c.carried(e.from)
		if !e.carries {
			e.note = noteFINCarried
		}
		return
	}
	if me.fin.seen && !e.missed && e.seq+segment.Seq(e.len) != me.fin.off && me.fin.acked {
		return // of another connection, or false
	}
	if me.fin.seen {
		if !e.carries {
			e.note = c.againNote(e.from)
		}
		c.unaware(e)
		c.sentAgain(e)
		return
	}
	off := e.seq + segment.Seq(e.len)
	if e.flags.Has(segment.SYN) {
		off++
	}
	c.extend(e, off, off)
	me.fin = fin{
		seen: true, off: off, ack: e.ack, hasAck: e.flags.Has(segment.ACK),
		data: e.len, at: e.at, last: e.at,
	}
	me.finFresh = e.marks.Has(flow.NewData)
	c.sentFIN(e)
	if !me.fin.hasAck && me.hasAck { // an old stack: what it had acknowledged counts
		me.fin.ack, me.fin.hasAck = me.maxAck, true
	}
	if c.fins == 0 {
		c.firstFIN = e.from
	}
	c.fins++
	if peer.fin.seen && !me.fin.knows(peer.fin.off) && !peer.fin.knows(off) {
		e.note = noteCrossed
	}
	if peer.hasAck && off.Less(peer.maxAck) || peer.fin.seen && peer.fin.knows(off) {
		c.ackedUnseen(e)
	}
}

// withdrawFIN takes back a FIN behind a gap that another one in front of it refutes: the
// first was forged, or damaged.
func (c *Conn) withdrawFIN(s flow.Side) {
	c.side[s].fin = fin{}
	if c.loss != nil {
		*c.lost(s) = finLoss{}
	}
	c.fins--
	if c.fins > 0 {
		c.firstFIN = s.Other()
	}
}

// repeats reports whether a FIN that its side had sent before comes once more for the
// sake of its ACK alone: BSD, macOS and iOS put it into every ACK until it is
// acknowledged, and so into that of the other side's FIN.
func (c *Conn) repeats(e *event) bool {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if e.at-me.fin.last < sentTwice && !me.fin.acked {
		return true // captured twice: no timer is as quick
	}
	if c.behindACK(e) {
		return true
	}
	if !e.newAck || e.seq+segment.Seq(e.len) != me.fin.off || !peer.last.any {
		return false
	}
	limit := 2*c.rtt[e.from] + delayedFrom
	switch {
	case peer.fin.seen && peer.fin.off.Less(e.ack):
		limit += carriedWithin
	case me.fin.acked:
		return false
	}
	return e.at-peer.last.at <= limit
}

// behindACK reports whether a FIN comes again right behind its side's ACK of the other
// FIN, as some stacks, such as Android's for VPNs, send it whether or not it was
// acknowledged.
func (c *Conn) behindACK(e *event) bool {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	return peer.fin.acked && e.at-peer.fin.ackAt < behindWithin && e.ack == peer.fin.off+1 &&
		e.seq+segment.Seq(e.len) == me.fin.off
}

const (
	// behindWithin is far less than any time-out that starts with the ACK.
	behindWithin = 5 * time.Millisecond
	// carriedWithin is less than any retransmission timeout (RFC 6298 2.4).
	carriedWithin = 150 * time.Millisecond
	// sentTwice is less than any probe for a lost tail (RFC 8985 7.2).
	sentTwice = time.Millisecond
)

// ackedUnseen: the FIN in e was acknowledged by a segment that the observer saw
// earlier, so the capture is out of order, or does not have the first copy of the FIN.
func (c *Conn) ackedUnseen(e *event) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	e.note = noteSeenLate
	by := c.log.firstAckPast(e.from.Other(), me.fin.off)
	if by == nil { // no longer kept, so it was no FIN
		me.fin.acked, me.fin.ackAt, me.fin.alone = true, e.at, true
		return
	}
	c.log.promote(by)
	late := by.note == noteLate
	me.fin.acknowledged(by)
	me.fin.ackAt = max(me.fin.at, me.fin.ackAt)
	me.fin.alone = !by.flags.Has(segment.FIN) &&
		(!peer.fin.seen || by.seq.LessEq(peer.fin.off))
	if late {
		by.note = noteLate
	}
}
