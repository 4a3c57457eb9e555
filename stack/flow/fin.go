package flow

import "lastack/stack/segment"

// finAcknowledged: side from has acknowledged the other side's FIN.
func (c *Conn) finAcknowledged(from Side) {
	peer := &c.half[from.Other()]
	peer.finAcked = true
	c.takeFIN(from) // whoever acknowledges a FIN has received it
	switch peer.state {
	case FinWait1:
		peer.state = FinWait2
	case Closing:
		peer.state = TimeWait
	case LastAck:
		peer.state = Closed
	}
}

// finStands reports whether the side's FIN is the one that the other side takes: it came in
// its turn, or was acknowledged.
func (h *half) finStands() bool { return h.finAcked || h.finTaken || h.finPending }

// takeFIN: side to has received the other side's FIN.
func (c *Conn) takeFIN(to Side) {
	me, peer := &c.half[to], &c.half[to.Other()]
	if peer.finTaken {
		return
	}
	peer.finTaken, peer.finPending = true, false
	switch me.state {
	case SynReceived, Established:
		me.state = CloseWait
	case FinWait1:
		me.state = Closing
	case FinWait2:
		me.state = TimeWait
	}
}

func (c *Conn) fin(from Side, s *segment.Segment, st *Step) {
	if !s.Flags.Has(segment.FIN) {
		return
	}
	me, peer := &c.half[from], &c.half[from.Other()]
	seq := s.FINSeq()
	if me.finSent {
		st.Marks |= FINAgain | Again
		me.finMissed = false
		c.correctFIN(from, seq, s)
		return
	}
	st.Marks |= FirstFIN
	inOrder := !me.nxt.Less(s.Seq) && !st.Marks.Has(Hole)
	if c.at(from.Other()) || me.lossy {
		inOrder = seq == me.rcv // what else was sent may lie behind a gap
	}
	if !inOrder {
		st.Marks |= Hole
	}
	me.finSent, me.finSeq = true, seq
	me.nxt = me.nxt.Max(seq + 1)
	if me.rcv == seq {
		me.rcv++
	}
	c.sendFIN(from, s, st)
	// A retransmission by the other side may have filled the hole unseen;
	// the ACK of the FIN will tell.
	if inOrder && !peer.state.Done() {
		c.takeFIN(from.Other())
	}
}

// sendFIN moves the sender of a first FIN.
func (c *Conn) sendFIN(from Side, s *segment.Segment, st *Step) {
	me, peer := &c.half[from], &c.half[from.Other()]
	switch me.state {
	case SynReceived, Established, SynSent, Listen, Unknown:
		me.state = FinWait1
	case CloseWait:
		if peer.finSent && (!s.Flags.Has(segment.ACK) || !peer.finSeq.Less(s.Ack)) {
			if peer.acked && me.finSeq.Less(peer.lastAck) {
				// The other FIN acknowledges this one, so it was sent
				// after it: the observer has the two in the wrong order.
				me.finAcked, me.finTaken = true, true
				me.state, peer.state = TimeWait, LastAck
				return
			}
			// It had not yet seen the other FIN: what we assumed of it
			// was premature.
			st.Marks |= CrossedFIN
			c.crossed = true
			peer.finTaken, peer.finPending = false, c.at(from)
			me.state = FinWait1
			return
		}
		me.state = LastAck
	}
}

// FINTaken reports whether the other side has received the side's FIN, as far as the
// observer can tell, and the number after it.
func (c *Conn) FINTaken(s Side) (end segment.Seq, taken bool) {
	h := &c.half[s]
	return h.finSeq + 1, h.finTaken || h.finPending
}

// TakeFIN tells the Conn that the side, which is the host, takes the other side's FIN with
// this number now: it was behind a gap, and the gap is filled.
func (c *Conn) TakeFIN(s Side, seq segment.Seq) {
	h := &c.half[s.Other()]
	if h.finTaken || h.finPending || seq.Less(h.rcv) {
		return
	}
	h.finSent, h.finSeq, h.hasOtherFIN = true, seq, false
	h.rcv, h.nxt = seq+1, h.nxt.Max(seq+1)
	c.takeFIN(s)
}

// correctFIN takes another number for a FIN that nobody has acknowledged: one that
// comes in front of the first copy, which then was forged or damaged.
func (c *Conn) correctFIN(from Side, seq segment.Seq, s *segment.Segment) {
	me, peer := &c.half[from], &c.half[from.Other()]
	switch {
	case me.finStands() || seq.Less(me.rcv):
		return
	case c.at(from.Other()) && seq == me.rcv && !seq.Less(me.finSeq):
		c.TakeFIN(from.Other(), seq) // the gap before it is filled, or the others were false
		return
	case seq == me.finSeq:
		return
	}
	if me.finSeq.Less(seq) {
		me.otherFIN, me.hasOtherFIN = seq, true
		return
	}
	me.otherFIN, me.hasOtherFIN = me.finSeq, true
	me.finSeq, me.nxt = seq, seq+1
	if peer.finSent && s.Flags.Has(segment.ACK) && peer.finSeq.Less(s.Ack) {
		// The false one had made the other side's FIN cross it.
		c.crossed, peer.finTaken, peer.finAcked = false, true, true
		me.state, peer.state = LastAck, FinWait2
	}
	if me.rcv == seq {
		me.rcv++
		c.takeFIN(from.Other())
	}
}

// retractFIN takes back a FIN behind a gap once data goes on where it stood: no sound
// sender has both. On the path the data have to begin in order, or they may be the false
// ones. It reports whether there was one to take back.
func (c *Conn) retractFIN(from Side, begin segment.Seq) bool {
	me, peer := &c.half[from], &c.half[from.Other()]
	if me.finStands() || me.rcv.Less(begin) && !c.at(from.Other()) {
		return false
	}
	if me.hasOtherFIN {
		me.finSeq, me.hasOtherFIN = me.otherFIN, false
		return true
	}
	me.finSent = false
	switch {
	case c.crossed:
		c.crossed, peer.finTaken, me.state = false, true, CloseWait
	case me.state == FinWait1:
		me.state = Established
	case me.state == LastAck:
		me.state = CloseWait
	}
	return true
}
