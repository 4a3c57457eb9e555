package teardown

import (
	"fmt"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// answerFIN looks for answers to the other side's FIN that do not acknowledge it: a RST,
// where the answering side has no state left; an ACK of more than the FIN's side has sent,
// where the two are out of step; an ACK of the data that came in one segment with the FIN.
func (c *Conn) answerFIN(e *event) {
	s := e.from.Other()
	f := &c.side[s].fin
	switch {
	case !f.seen || e.missed:
	case e.flags.Has(segment.RST):
		if f.again > 0 && !e.flags.Has(segment.ACK) && e.seq == f.ack {
			c.lost(s).answers++
		}
	case f.acked || !e.flags.Has(segment.ACK):
	case e.marks.Has(flow.Challenged) && f.off+1 != e.ack && f.off.Less(e.ack):
		c.lost(s).beyond++
	case f.again == 0 && f.data > 0 && c.takesData(f, e):
		c.lost(s).left = true
	}
}

// unsplit is a size that every path carries in one packet (RFC 9293 3.7.1). The capture of
// a sender may have a larger segment that leaves as several.
const unsplit = 536

// takesData reports whether e acknowledges data that had come in the segment of the first
// copy of the FIN, and not the FIN.
func (c *Conn) takesData(f *fin, e *event) bool {
	me := &c.side[e.from]
	begin := f.off - segment.Seq(f.data)
	if !c.side[e.from.Other()].finFresh || !begin.Less(e.ack) || f.off.Less(e.ack) || me.hasAck && begin.Less(me.maxAck) {
		return false
	}
	return e.ack == f.off || f.data <= unsplit
}

// answeredAll reports whether nothing shows a loss behind the copies of the side's FIN: each
// had its answer, which came late.
func (c *Conn) answeredAll(s flow.Side) bool {
	f, l := &c.side[s].fin, c.lossOf(s)
	switch {
	case f.again == 0 || l.missed > 0 || l.ackMissed:
		return false
	case l.left, !f.acked && l.beyond > f.again:
		return true
	}
	return f.acked && !f.ackLost && l.answers > f.again
}

// whyAnswered is why a FIN was sent again that was answered.
func (c *Conn) whyAnswered(s flow.Side) string {
	y := s.Other()
	switch l := c.lossOf(s); {
	case l.left:
		return fmt.Sprintf("%s took the data of its segment and not the FIN", the(y))
	case l.beyond > 0:
		return fmt.Sprintf("%s answered with an ACK of what was never sent", the(y))
	}
	return "its ACK was late: every copy was answered"
}

// deserted reports whether the side that closed second sent its FIN again and again while
// nothing came from the other: that one, or the state of a device on the path, is gone.
func (c *Conn) deserted() bool {
	if c.fins < 2 {
		return false
	}
	first, crossed, _ := c.order()
	y := first.Other()
	f, l := &c.side[y].fin, c.lossOf(y)
	return !crossed && c.over == notReset && c.side[first].fin.acked && !f.acked && f.again >= desertedFrom &&
		l.missed == 0 && !l.ackMissed && l.beyond == 0 && c.side[first].last.at < f.at
}

// desertedFrom is from how many retransmissions on it is no loss: with the first copy they
// are three, which take longer than any answer.
const desertedFrom = 2

// reasonDeserted is for a half-closed connection of which y closed the other half in vain.
func (c *Conn) reasonDeserted(x flow.Side) string {
	y := x.Other()
	f, g := &c.side[x].fin, &c.side[y].fin
	return fmt.Sprintf("%s closed its half, %s acknowledged that and closed %s later, and nothing came back for its FIN, sent %s in %s: %s is gone, or a NAT or firewall has forgotten the connection, or the path is down; %s is in %s, and nobody holds TIME_WAIT",
		atStart(x), the(y), ms(max(0, g.at-f.at)), times(int(g.again)+1), ms(g.last-g.at), the(x), the(y), flow.LastAck)
}

// lastFIN is the side that closed second.
func (c *Conn) lastFIN() flow.Side {
	first, _, _ := c.order()
	return first.Other()
}
