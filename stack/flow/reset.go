package flow

import "lastack/stack/segment"

// reset is a RST that counts until what follows proves that it did not.
type reset struct {
	on bool
	by Side
	// seq is the RST's sequence number. exact: the other side may have expected it.
	seq   segment.Seq
	exact bool
	// sent is the other side's SND.NXT at that time.
	sent segment.Seq
}

// rst ends the connection unless that was over before. A RST that answers a SYN is a
// refusal (RFC 9293 3.10.7.3).
func (c *Conn) rst(from Side, s *segment.Segment, st *Step) {
	me, to := &c.half[from], &c.half[from.Other()]
	if c.Done() {
		st.Marks |= Stray
		c.still(st)
		return
	}
	if to.state == SynSent {
		st.Marks |= Refusal
	}
	st.Marks |= Reset
	c.reset = reset{on: true, by: from, seq: s.Seq, exact: s.Seq.LessEq(me.nxt), sent: to.nxt}
}

// afterReset takes in a segment behind a RST. Both sides are CLOSED for the observer,
// who goes on following them, in case the RST did not count.
func (c *Conn) afterReset(from Side, s *segment.Segment, st *Step) {
	alive := c.survived(from, s)
	c.take(from, s, st)
	if alive {
		c.reset = reset{}
		st.Marks |= Revived
		return
	}
	st.Marks |= Stray
	c.still(st)
}

// still notes the states behind a RST that may prove not to count.
func (c *Conn) still(st *Step) {
	if c.reset.on {
		st.Still[Client], st.Still[Server] = c.half[Client].state, c.half[Server].state
	}
}

// survived reports whether a segment behind a RST proves that its receiver did not take
// it (RFC 5961 3.2: a challenged RST). One at a number that the receiver did not expect
// is refuted by anything the receiver sends; one at the right number only by an
// acknowledgment of something newer, from either side.
func (c *Conn) survived(from Side, s *segment.Segment) bool {
	if s.Flags.Has(segment.SYN) || !s.Flags.Has(segment.ACK) {
		return false
	}
	if from == c.reset.by {
		return c.reset.sent.Less(s.Ack)
	}
	if c.vantage == between && c.reset.seq == s.Ack {
		return false // the number that it expected, whatever the observer missed
	}
	return !c.reset.exact || c.reset.seq.Less(s.Ack)
}
