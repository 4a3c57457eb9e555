package flow

import "lastack/stack/segment"

// Miss takes in a segment that its sender sent and that never reached the other side, for
// a caller that knows so. The sender's side moves as if the segment had arrived, since
// the sender does not know; the other side learns nothing from it. A copy that comes
// later counts as if it were the first to come.
//
// The Step says what the segment was (FirstFIN, NewData, Again), never what it
// acknowledged.
func (c *Conn) Miss(from Side, s *segment.Segment) Step {
	st := Step{From: from, Before: c.states()}
	c.begin(from, s)
	me := &c.half[from]
	st.SeqOff = s.Seq - me.isn
	if s.Flags.Has(segment.ACK) {
		st.AckOff = s.Ack - c.half[from.Other()].isn
	}
	switch {
	case c.reset.on, c.judge(from, s) != 0:
		// The connection is over, or the receiver would have refused the segment.
	case s.Flags.Has(segment.RST):
		c.missRST(me)
	default:
		c.comeBack(from)
		me.lossy = true
		c.missSYN(from, s, &st)
		c.missACK(from, s)
		c.missData(from, s, &st)
		c.missFIN(from, s, &st)
	}
	st.After = c.states()
	return st
}

// Refusal is what the other side would do with the segment if it came now: Challenged or
// Ignored, as Update would mark it, or 0. Nothing is learnt.
func (c *Conn) Refusal(from Side, s *segment.Segment) Mark { return c.judge(from, s) }

// Refuse takes in a segment that the other side is known to refuse, for which why is
// Challenged or Ignored: nothing is learnt from it.
func (c *Conn) Refuse(from Side, s *segment.Segment, why Mark) Step {
	st := Step{From: from, Marks: why, Before: c.states()}
	c.begin(from, s)
	st.After = c.states()
	st.SeqOff = s.Seq - c.half[from].isn
	if s.Flags.Has(segment.ACK) {
		st.AckOff = s.Ack - c.half[from.Other()].isn
	}
	return st
}

// missRST: the side has given the connection up, and the other does not know.
func (c *Conn) missRST(me *half) {
	if !me.state.Done() {
		me.dropped, me.state = me.state, Closed
	}
}

// comeBack: what a side sends behind a RST that was lost shows that the RST was not its own.
func (c *Conn) comeBack(s Side) {
	if me := &c.half[s]; me.dropped != Unknown {
		me.state, me.dropped = me.dropped, Unknown
	}
}

func (c *Conn) missSYN(from Side, s *segment.Segment, st *Step) {
	if !s.Flags.Has(segment.SYN) {
		return
	}
	me, peer := &c.half[from], &c.half[from.Other()]
	st.Marks |= Opening
	if me.synSeen {
		st.Marks |= Again
		return
	}
	c.offerSYN(me, s)
	switch {
	case s.Flags.Has(segment.ACK):
		me.state = SynReceived
		if peer.state == Unknown { // its SYN was not seen, and was sent
			peer.state = SynSent
		}
	case me.state == Unknown || me.state == Closed || me.state == Listen:
		me.state = SynSent
		if peer.state == Unknown || peer.state == Closed {
			peer.state = Listen
		}
	}
}

// synArrived: a SYN came again; the first may have been lost.
func (c *Conn) synArrived(me, peer *half, s *segment.Segment) {
	me.rcv = me.rcv.Max(s.Seq + 1)
	if s.Flags.Has(segment.ACK) && peer.state == SynSent {
		peer.state = Established
	}
}

// missACK: its sender has received what it acknowledges, though the other side does not
// know.
func (c *Conn) missACK(from Side, s *segment.Segment) {
	if !s.Flags.Has(segment.ACK) {
		return
	}
	peer := &c.half[from.Other()]
	c.offer(from, s)
	peer.nxt, peer.rcv = peer.nxt.Max(s.Ack), peer.rcv.Max(s.Ack)
	if peer.finSent && peer.finSeq.Less(s.Ack) {
		c.takeFIN(from)
	}
}

func (c *Conn) missData(from Side, s *segment.Segment, st *Step) {
	if s.PayloadLen == 0 {
		return
	}
	me := &c.half[from]
	end := s.Seq + segment.Seq(s.PayloadLen)
	if s.Flags.Has(segment.SYN) {
		end++
	}
	switch {
	case !me.nxt.Less(end):
		st.Marks |= Again
	case me.finSent:
		st.Marks |= AfterFIN
	default:
		st.Marks |= NewData
		me.nxt = end
	}
}

func (c *Conn) missFIN(from Side, s *segment.Segment, st *Step) {
	if !s.Flags.Has(segment.FIN) {
		return
	}
	me := &c.half[from]
	if me.finSent {
		st.Marks |= FINAgain | Again
		return
	}
	st.Marks |= FirstFIN
	me.finSent, me.finMissed, me.finSeq = true, true, s.FINSeq()
	me.nxt = me.nxt.Max(me.finSeq + 1)
	c.sendFIN(from, s, st)
}

// arrived: the other side may have the side's FIN now, after earlier copies of it, or
// data in front of it, had been lost.
func (c *Conn) arrived(from Side) {
	me := &c.half[from]
	if me.lossy && me.finSent && !me.finMissed && !me.finTaken && me.rcv == me.finSeq {
		me.rcv++
		c.takeFIN(from.Other())
	}
}
