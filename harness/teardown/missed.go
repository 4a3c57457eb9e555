package teardown

import (
	"fmt"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// learnMissed takes in a segment that was lost on its way in: what its sender did and had
// received by then, but nothing that the other side would have learnt from it.
func (c *Conn) learnMissed(r *Record, e *event) {
	e.key = true
	carries := e.flags.Any(segment.SYN|segment.FIN) || e.len > 0
	if c.Done() || e.flags.Has(segment.RST) || carries && e.marks == 0 {
		return // of a connection that is over, or none that its receiver would have taken
	}
	me := &c.side[e.from]
	if !e.flags.Has(segment.SYN | segment.ACK) { // whose copy begins the connection
		c.learnSYN(e)
	}
	if e.flags.Has(segment.ACK) {
		if !me.hasAck || me.maxAck.Less(e.ack) {
			me.maxAck, me.hasAck = e.ack, true
		}
		c.missACK(e.from.Other(), e)
	}
	c.learnData(e)
	c.learnFIN(e)
	if e.note == noteNone {
		e.note = plainNote(e)
	}
	c.noticeMissed(r, e)
}

// noticeMissed is notice for a segment that was lost on its way in.
func (c *Conn) noticeMissed(r *Record, e *event) {
	me := &c.side[e.from]
	me.paths.learn(r.Path)
	me.sentOther = true
	if e.marks.Has(flow.FirstFIN) && c.talk.any {
		me.fin.idle = max(0, e.at-c.talk.at)
		me.fin.spokeLast = c.talk.by == e.from && e.len == 0
	}
	c.gatherTries(e)
	if e.marks.Has(flow.NewData) {
		c.noticeData(e)
	}
}

// loss is what is known of segments that were lost; most connections have none.
type loss struct {
	fin   [2]finLoss
	ahead [2]ahead
}

// finLoss is about the FIN of one side.
type finLoss struct {
	missed int32 // copies known to be lost
	// unacked is how long after the first copy, in microseconds, the other side still
	// acknowledged all up to the FIN and not the FIN; 0 where that was not long enough to
	// mean anything.
	unacked    uint32
	lastMissed bool // the latest copy is one of those lost
	ackMissed  bool // an ACK of it is known to be lost
	unaware    bool // it came again after its ACK, and no ACK of it since
	left       bool // the other side took the data of its segment, and not the FIN
	answers    int32
	beyond     int32 // answers that acknowledge more than its side has sent
}

// lossOf is what is known about the loss of a side's FIN, to read.
func (c *Conn) lossOf(s flow.Side) finLoss {
	if c.loss == nil {
		return finLoss{}
	}
	return c.loss.fin[s]
}

// lost is the same, to add to.
func (c *Conn) lost(s flow.Side) *finLoss {
	if c.loss == nil {
		c.loss = &loss{}
	}
	return &c.loss.fin[s]
}

// missACK: e, which was lost, acknowledges the side's FIN if it says so.
func (c *Conn) missACK(s flow.Side, e *event) {
	if f := &c.side[s].fin; f.seen && !f.acked && f.off.Less(e.ack) {
		c.lost(s).ackMissed = true
	}
}

// sentFIN counts a copy of a FIN that was lost.
func (c *Conn) sentFIN(e *event) {
	if c.loss == nil && !e.missed {
		return
	}
	l := c.lost(e.from)
	l.lastMissed = e.missed
	if e.missed {
		l.missed++
	}
}

// sentAgain takes in a copy of a FIN after the first. Only from the latest that may have
// arrived does its ACK take time.
func (c *Conn) sentAgain(e *event) {
	f := &c.side[e.from].fin
	if !e.missed || !c.arrived(e.from) {
		f.last = e.at
	}
	f.again++
	f.ackLost = f.ackLost || f.acked
	c.sentFIN(e)
}

// carried: a FIN came along with an ACK, which does not count as a copy.
func (c *Conn) carried(s flow.Side) {
	if c.loss != nil {
		l := c.lost(s)
		l.missed, l.lastMissed = min(l.missed, c.side[s].fin.again), false
	}
}

// arrived reports whether any copy of the side's FIN may have reached the other side.
func (c *Conn) arrived(s flow.Side) bool { return c.lossOf(s).missed <= c.side[s].fin.again }

// againNote is for the next copy of the side's FIN: why it was sent.
func (c *Conn) againNote(s flow.Side) note {
	switch l := c.lossOf(s); {
	case l.lastMissed:
		return noteFINAgainLost
	case l.ackMissed:
		return noteFINAgainACKLost
	}
	return noteFINAgain
}

// whyAgain is why the side's FIN was sent again, in the words of a sentence.
func (c *Conn) whyAgain(s flow.Side) string {
	f, l := &c.side[s].fin, c.lossOf(s)
	switch {
	case l.missed > 0 && l.ackMissed:
		return "it and its ACK were lost"
	case l.missed > 0:
		return "it was lost"
	case l.ackMissed && !f.acked:
		return "every ACK of it was lost"
	case l.ackMissed:
		return "its ACK was lost"
	}
	switch c.finLost(s) {
	case LostNothing:
		return c.whyAnswered(s)
	case LostACK:
		return "its ACK was lost or late"
	case LostFIN:
		return "it was lost: what came from the other side meanwhile does not acknowledge it"
	}
	return "it or its ACK was lost"
}

// asideACK mentions an ACK of the side's FIN that did not come, where nothing else does:
// that its FIN was sent again, or that the other one was lost with the ACK in it.
func (c *Conn) asideACK(s flow.Side) string {
	f, l := &c.side[s].fin, c.lossOf(s)
	switch {
	case !c.arrived(s):
		return fmt.Sprintf("; no copy of %s's FIN arrived", the(s))
	case l.ackMissed && (f.again > 0 || c.lossOf(s.Other()).missed > 0):
		return ""
	case l.ackMissed && f.acked:
		return fmt.Sprintf("; an ACK of %s's FIN was lost before", the(s))
	case l.ackMissed:
		return fmt.Sprintf("; the ACK of %s's FIN was lost", the(s))
	case !f.acked:
		return fmt.Sprintf("; the ACK of %s's FIN is not in the trace", the(s))
	}
	return ""
}

// reasonMissed is for a FIN of which no ACK arrived, where it is known what was lost.
func (c *Conn) reasonMissed(x flow.Side) string {
	f := &c.side[x].fin
	sent := fmt.Sprintf("%s sent its FIN %s", atStart(x), times(int(f.again)+1))
	if f.again > 0 {
		sent += " in " + ms(f.last-f.at)
	}
	switch {
	case !c.arrived(x):
		return sent + ", and no copy of it arrived"
	case c.lossOf(x).ackMissed:
		return sent + ", and every ACK of it was lost"
	}
	return sent + " and no ACK came, though not every copy of it was lost"
}
