package teardown

import (
	"fmt"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// learnMissed takes in a segment that was lost on its way in: what its sender did and had
// received by then, and nothing that the other side would have learnt.
func (c *Conn) learnMissed(r *Record, e *event) {
	e.key = true
	carries := e.flags.Any(segment.SYN|segment.FIN) || e.len > 0
	if c.Done() || e.flags.Has(segment.RST) || carries && e.marks == 0 {
		return // of a connection that is over, or none that its receiver would have taken
	}
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	if !e.flags.Has(segment.SYN | segment.ACK) { // whose copy begins the connection
		c.learnSYN(e)
	}
	if e.flags.Has(segment.ACK) {
		if !me.hasAck || me.maxAck.Less(e.ack) {
			me.maxAck, me.hasAck = e.ack, true
		}
		peer.fin.missACK(e)
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

// missACK: e, which was lost, acknowledges the FIN if it says so.
func (f *fin) missACK(e *event) {
	if f.seen && !f.acked && f.off.Less(e.ack) {
		f.ackMissed = true
	}
}

// missing counts a copy of the FIN that was lost.
func (f *fin) missing(e *event) {
	f.lastMissed = e.missed
	if e.missed {
		f.missed++
	}
}

// sentAgain takes in a copy of the FIN after the first. Only from the latest that may have
// arrived does its ACK take time.
func (f *fin) sentAgain(e *event) {
	if !e.missed || !f.arrived() {
		f.last = e.at
	}
	f.again++
	f.ackLost = f.ackLost || f.acked
	f.missing(e)
}

// arrived reports whether any copy of the FIN may have reached the other side.
func (f *fin) arrived() bool { return f.missed <= f.again }

// againNote is for the next copy of the FIN: why it was sent.
func (f *fin) againNote() note {
	switch {
	case f.lastMissed:
		return noteFINAgainLost
	case f.ackMissed:
		return noteFINAgainACKLost
	}
	return noteFINAgain
}

// whyAgain is why the FIN was sent again, in the words of a sentence.
func (f *fin) whyAgain() string {
	switch {
	case f.missed > 0 && f.ackMissed:
		return "it and its ACK were lost"
	case f.missed > 0:
		return "it was lost"
	case f.ackMissed && !f.acked:
		return "every ACK of it was lost"
	case f.ackMissed:
		return "its ACK was lost"
	}
	switch f.lost() {
	case LostACK:
		return "its ACK was lost or late"
	case LostFIN:
		return "it was lost: what came from the other side meanwhile does not acknowledge it"
	}
	return "it or its ACK was lost"
}

// asideACK tells of an ACK of the FIN that did not come, where nothing else does: that its
// FIN was sent again, or that the other one, g, was lost with the ACK in it.
func (f *fin) asideACK(owner string, g *fin) string {
	switch {
	case !f.arrived():
		return fmt.Sprintf("; no copy of %s's FIN arrived", owner)
	case f.ackMissed && (f.again > 0 || g.missed > 0):
		return ""
	case f.ackMissed && f.acked:
		return fmt.Sprintf("; an ACK of %s's FIN was lost before", owner)
	case f.ackMissed:
		return fmt.Sprintf("; the ACK of %s's FIN was lost", owner)
	case !f.acked:
		return fmt.Sprintf("; the ACK of %s's FIN is not in the trace", owner)
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
	case !f.arrived():
		return sent + ", and no copy of it arrived"
	case f.ackMissed:
		return sent + ", and every ACK of it was lost"
	}
	return sent + " and no ACK came, though not every copy of it was lost"
}
