package teardown

import (
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// outcome is what the receiver did with segments that it refused (RFC 9293 3.10.7.4,
// RFC 5961): how many of a side's it challenged, and how many it ignored.
type outcome struct {
	challenged, ignored       uint32
	challengedRST, ignoredRST uint32
}

// learnRefused takes in a segment that its receiver refuses, from which nothing else is
// learnt. It reports false for one that counts.
func (c *Conn) learnRefused(e *event) bool {
	o := &c.side[e.from].refused
	rst := e.flags.Has(segment.RST)
	switch {
	case e.marks.Has(flow.Challenged):
		e.note = noteChallenged
		o.challenged++
		if rst {
			o.challengedRST++
		}
	case e.marks.Has(flow.Ignored):
		e.note = noteIgnored
		o.ignored++
		if rst {
			o.ignoredRST++
		}
	default:
		return false
	}
	return true
}

// revive takes a RST back that did not count: what followed proves that its receiver went
// on. It had no number that the receiver expected, so it was challenged.
func (c *Conn) revive() {
	if c.over != wasReset {
		return
	}
	o := &c.side[c.rst.by].refused
	o.challenged++
	o.challengedRST++
	if c.late > 0 {
		c.late-- // the proof; what came between stays counted
	}
	for i := range c.log.events {
		if e := &c.log.events[i]; e.gap == nil && e.marks.Has(flow.Reset) {
			e.marks = e.marks&^flow.Reset | flow.Challenged
			e.note = noteChallenged
			e.after = e.before
		}
	}
	if r := c.rst; r.bytes > 0 && r.mismatch == noMismatch {
		c.side[r.by].troubled().answered = r
	}
	c.over, c.rst = notReset, nil
}

// whyChallenged names what was wrong with a segment that was answered with an ACK.
func (c *Conn) whyChallenged(e *event) string {
	switch {
	case e.flags.Has(segment.RST):
		return "not at " + the(e.from.Other()) + "'s RCV.NXT: challenged, and the connection lives"
	case e.flags.Has(segment.SYN):
		return "SYN in the middle of a connection: challenged"
	case e.marks.Has(flow.Outdated):
		return "its timestamp or its ACK is too old: challenged"
	}
	return "outside " + the(e.from.Other()) + "'s window, or an ACK of what was never sent: challenged"
}

// whyIgnored names what was wrong with a segment that got no answer.
func (c *Conn) whyIgnored(e *event) string {
	if e.flags.Has(segment.RST) {
		return "outside " + the(e.from.Other()) + "'s window: ignored"
	}
	if !e.flags.Has(segment.ACK) {
		return "no ACK flag: ignored"
	}
	return "acknowledges what was never sent: ignored"
}
