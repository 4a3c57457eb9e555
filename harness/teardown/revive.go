package teardown

import (
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// behindRST counts what comes behind a RST that may prove not to have counted.
func (c *Conn) behindRST(e *event) {
	if c.over != wasReset {
		return
	}
	r := c.rst
	r.behind++
	switch {
	case e.from == r.by && e.flags.Has(segment.RST) && e.seq == r.seq:
		r.again++
	case e.from != r.by && e.pureACK() && e.ack.Less(r.seq):
		r.challenge = true
	}
}

// revive takes a RST back that did not count, and its copies with it: e proves that its
// receiver went on. The receiver challenged it if it answered with an ACK of less than the
// RST's number (RFC 5961 3.2). Otherwise nobody challenged it: where the receiver
// acknowledges more, it had that by then, and a RST in front of RCV.NXT is dropped without
// an answer. Such RSTs answer what crossed a FIN on its way (RFC 9293 3.5.2).
func (c *Conn) revive(e *event) {
	if c.over != wasReset {
		return
	}
	r := c.rst
	passed := e.from != r.by && r.seq.Less(e.ack)
	challenge := !passed && (r.challenge || e.from != r.by && e.pureACK())
	o, n := &c.side[r.by].refused, 1+r.again
	if challenge {
		o.challenged += n
		o.challengedRST += n
	} else {
		o.ignored += n
		o.ignoredRST += n
	}
	c.late -= min(c.late, r.behind)
	c.redraw(r, challenge)
	if r.bytes > 0 && r.mismatch == noMismatch {
		c.side[r.by].troubled().answered = r
	}
	c.over, c.rst = notReset, nil
}

// redraw corrects the events from a RST on that did not count.
func (c *Conn) redraw(r *rst, challenge bool) {
	behind := false
	for i := range c.log.events {
		e := &c.log.events[i]
		switch first := e.marks.Has(flow.Reset); {
		case e.gap != nil:
		case first, behind && e.from == r.by && e.flags.Has(segment.RST) && e.seq == r.seq:
			e.marks = e.marks&^(flow.Reset|flow.Stray) | flow.Revived
			e.note = noteIgnored
			if challenge {
				e.note = noteChallenged
			}
			if first {
				e.still, behind = e.before, true
			}
			e.after = e.still
		case behind && e.still != [2]flow.State{}:
			e.after = e.still
			if e.note == noteLate {
				e.note = plainNote(e)
			}
		}
	}
}
