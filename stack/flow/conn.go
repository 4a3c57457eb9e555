package flow

import "lastack/stack/segment"

// half is what one side has sent, and what came back for it.
type half struct {
	state State
	known bool        // isn and nxt are set
	isn   segment.Seq // of the SYN, or one before the first segment seen
	nxt   segment.Seq // SND.NXT: after the last sequence number seen sent
	una   segment.Seq // SND.UNA: after the last that the other side acknowledged

	finSeq   segment.Seq
	finSent  bool
	finAcked bool
	finTaken bool // the other side's state has moved for this FIN

	acked   bool        // lastAck and lastWin are set
	lastAck segment.Seq // the highest ACK this side sent
	lastWin uint16

	// What this side's SYN offered.
	mss      uint16
	scale    uint8
	hasScale bool
	hasTS    bool
	synSeen  bool
	maxLen   int // largest payload this side sent at once
}

// Conn is one connection. The zero value is ready for its first segment.
type Conn struct {
	half    [2]half
	crossed bool
	reset   bool
}

// State is where the side stands, by what was seen so far.
func (c *Conn) State(s Side) State { return c.half[s].state }

// Done reports whether both sides are through (CLOSED or TIME_WAIT).
func (c *Conn) Done() bool {
	return c.half[Client].state.Done() && c.half[Server].state.Done()
}

// FINSent reports whether the side's FIN has been seen.
func (c *Conn) FINSent(s Side) bool { return c.half[s].finSent }

// FINAcked reports whether the side's FIN has been seen acknowledged.
func (c *Conn) FINAcked(s Side) bool { return c.half[s].finAcked }

// Crossed reports whether the FINs crossed: a simultaneous close.
func (c *Conn) Crossed() bool { return c.crossed }

// WasReset reports whether a RST ended the connection.
func (c *Conn) WasReset() bool { return c.reset }

// Next is the side's SND.NXT: the sequence number after the last it was seen
// to send, FIN included.
func (c *Conn) Next(s Side) segment.Seq { return c.half[s].nxt }

// LastAck is the highest acknowledgment number the side was seen to send; it
// reports false before the first.
func (c *Conn) LastAck(s Side) (segment.Seq, bool) {
	h := &c.half[s]
	return h.lastAck, h.acked
}

// LastWindow is the window field of the side's latest segment, unscaled.
func (c *Conn) LastWindow(s Side) uint16 { return c.half[s].lastWin }

// defaultMSS is what a side that names no MSS can take (RFC 9293 3.7.1, IPv4).
const defaultMSS = 536

// FullSegment estimates, in bytes of data, what a full-sized segment sent by
// side s is on this connection: the largest seen so far, but no more than the
// other side's MSS leaves beside the timestamps (RFC 6691), and no less than
// the default MSS of RFC 9293 3.7.1. Linux estimates rcv_mss likewise.
func (c *Conn) FullSegment(s Side) int {
	limit := int(c.half[s.Other()].mss)
	if limit == 0 {
		limit = defaultMSS
	}
	if c.half[s].hasTS && c.half[s.Other()].hasTS {
		limit -= 12
	}
	return min(max(c.half[s].maxLen, defaultMSS), max(limit, 1))
}

// Scale is the shift count that applies to the side's window fields after the
// handshake: none unless both SYNs offered one (RFC 7323 2.2).
func (c *Conn) Scale(s Side) uint8 {
	if !c.half[Client].hasScale || !c.half[Server].hasScale {
		return 0
	}
	return c.half[s].scale
}

// Reopens reports whether a segment from side from begins a new connection on
// this 4-tuple: a SYN without ACK after the old connection was done, refused or
// reset, or, whatever the old state, with another initial sequence number than
// the SYN already seen from that side.
func (c *Conn) Reopens(from Side, s *segment.Segment) bool {
	if !s.Flags.Has(segment.SYN) || s.Flags.Any(segment.ACK|segment.RST) {
		return false
	}
	h := &c.half[from]
	if !h.known || s.Seq == h.isn {
		return false // the SYN again, or a SYN-ACK's SYN that the capture has late
	}
	if !h.synSeen && h.state == Listen {
		return false
	}
	return true
}

// Update takes in the next segment, sent by the given side.
func (c *Conn) Update(from Side, s *segment.Segment) Step {
	st := Step{From: from, Before: c.states()}
	c.begin(from, s)
	me := &c.half[from]
	st.SeqOff = s.Seq - me.isn
	if s.Flags.Has(segment.ACK) {
		st.AckOff = s.Ack - c.half[from.Other()].isn
	}
	switch {
	case s.Flags.Has(segment.RST):
		c.rst(from, s, &st)
	default:
		if c.Done() && !s.Flags.Has(segment.SYN) {
			st.Marks |= Stray
		}
		c.syn(from, s, &st)
		c.ack(from, s, &st)
		c.data(from, s, &st)
		c.fin(from, s, &st)
	}
	st.After = c.states()
	return st
}

func (c *Conn) states() [2]State {
	return [2]State{c.half[Client].state, c.half[Server].state}
}

// begin sets a side's numbers at the first segment that shows them. A first
// segment without SYN means that the capture began in the middle: both sides
// are taken to be ESTABLISHED, which the FINs will correct.
func (c *Conn) begin(from Side, s *segment.Segment) {
	me, peer := &c.half[from], &c.half[from.Other()]
	if me.state == Unknown && peer.state == Unknown && !s.Flags.Any(segment.SYN|segment.RST) {
		me.state, peer.state = Established, Established
	}
	if !me.known && !(s.Flags.Has(segment.RST) && !s.Flags.Has(segment.ACK) && s.Seq == 0) {
		me.known = true
		me.isn, me.nxt, me.una = s.Seq, s.Seq, s.Seq
		if !s.Flags.Any(segment.SYN | segment.RST) {
			me.isn-- // the SYN that was not seen
		}
	}
	// The ACK shows the other side's numbers where its own segments did not.
	if !peer.known && s.Flags.Has(segment.ACK) {
		peer.known = true
		peer.isn, peer.nxt, peer.una = s.Ack-1, s.Ack, s.Ack
	}
}

func (c *Conn) syn(from Side, s *segment.Segment, st *Step) {
	if !s.Flags.Has(segment.SYN) {
		return
	}
	me, peer := &c.half[from], &c.half[from.Other()]
	st.Marks |= Opening
	if me.synSeen {
		st.Marks |= Again
		return
	}
	me.synSeen = true
	me.mss, me.scale, me.hasScale, me.hasTS = s.MSS, s.WindowScale, s.HasWindowScale, s.HasTimestamps
	me.nxt = me.nxt.Max(s.Seq + 1)
	switch {
	case s.Flags.Has(segment.ACK):
		// The SYN-ACK, or a simultaneous open's second step.
		me.state = SynReceived
		if peer.state == SynSent || peer.state == Unknown {
			peer.state = Established
		}
	case me.state == Unknown || me.state == Closed:
		me.state = SynSent
		if peer.state == Unknown || peer.state == Closed {
			peer.state = Listen
		}
	case me.state == Listen:
		// Both sent a SYN: RFC 9293 3.5, figure 7.
		me.state, peer.state = SynReceived, SynReceived
	}
}

// ack takes in the acknowledgment: it moves the other side's SND.UNA, and with
// it the states that wait for the ACK of a FIN.
func (c *Conn) ack(from Side, s *segment.Segment, st *Step) {
	if !s.Flags.Has(segment.ACK) {
		return
	}
	me, peer := &c.half[from], &c.half[from.Other()]
	c.classifyACK(from, s, st)
	if c.crossed && me.finSent && me.finSeq.Less(s.Seq) {
		// Sent behind this side's FIN, so the other side has that FIN by now.
		c.takeFIN(from.Other())
	}
	if peer.una.Less(s.Ack) {
		st.Acked = s.Ack.Diff(peer.una)
		st.Marks |= Advances
		peer.una = s.Ack
		peer.nxt = peer.nxt.Max(s.Ack)
	}
	if !s.Flags.Has(segment.SYN) && peer.state == SynReceived && peer.isn.Less(s.Ack) {
		peer.state = Established
		if me.state == SynReceived {
			me.state = Established
		}
	}
	if !me.acked || me.lastAck.Less(s.Ack) {
		me.lastAck = s.Ack
	}
	me.acked, me.lastWin = true, s.Window
	if peer.finSent && !peer.finAcked && peer.finSeq.Less(s.Ack) {
		st.Marks |= AcksFIN
		c.finAcknowledged(from)
	}
}

// classifyACK marks a segment without content by what it repeats.
func (c *Conn) classifyACK(from Side, s *segment.Segment, st *Step) {
	me := &c.half[from]
	if s.Flags.Any(segment.SYN|segment.FIN) || !me.acked || s.Ack != me.lastAck {
		return
	}
	// Everything sent is acknowledged, or it would be a retransmission.
	if s.PayloadLen <= 1 && s.Seq == me.nxt-1 && me.una == me.nxt && !me.finSent {
		st.Marks |= KeepAlive
		return
	}
	if s.PayloadLen > 0 {
		return
	}
	if s.Window != me.lastWin {
		st.Marks |= WindowUpdate
	} else {
		st.Marks |= DuplicateACK
	}
}

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

// takeFIN: side to has received the other side's FIN.
func (c *Conn) takeFIN(to Side) {
	me, peer := &c.half[to], &c.half[to.Other()]
	if peer.finTaken {
		return
	}
	peer.finTaken = true
	switch me.state {
	case SynReceived, Established:
		me.state = CloseWait
	case FinWait1:
		me.state = Closing
	case FinWait2:
		me.state = TimeWait
	}
}

func (c *Conn) data(from Side, s *segment.Segment, st *Step) {
	if s.PayloadLen == 0 || st.Marks.Has(KeepAlive) {
		return
	}
	me := &c.half[from]
	begin := s.Seq
	if s.Flags.Has(segment.SYN) {
		begin++ // data in a SYN (RFC 9293 3.4, RFC 7413) follows it
	}
	end := begin + segment.Seq(s.PayloadLen)
	me.maxLen = max(me.maxLen, s.PayloadLen)
	if me.finSent && me.finSeq.Less(end) {
		st.Marks |= AfterFIN
	}
	if !me.nxt.Less(end) {
		st.Marks |= Again
		return
	}
	if me.nxt.Less(begin) {
		st.Marks |= Hole
	}
	st.Marks |= NewData
	me.nxt = end
}

func (c *Conn) fin(from Side, s *segment.Segment, st *Step) {
	if !s.Flags.Has(segment.FIN) {
		return
	}
	me, peer := &c.half[from], &c.half[from.Other()]
	seq := s.FINSeq()
	if me.finSent {
		st.Marks |= FINAgain | Again
		return
	}
	st.Marks |= FirstFIN
	inOrder := !me.nxt.Less(s.Seq) && !st.Marks.Has(Hole)
	if !inOrder {
		st.Marks |= Hole
	}
	me.finSent, me.finSeq = true, seq
	me.nxt = me.nxt.Max(seq + 1)
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
			peer.finTaken = false
			me.state = FinWait1
			return
		}
		me.state = LastAck
	}
}

// rst ends the connection unless it is plainly none of it. A RST that answers
// a SYN is a refusal (RFC 9293 3.10.7.3).
func (c *Conn) rst(from Side, s *segment.Segment, st *Step) {
	peer := &c.half[from.Other()]
	if c.Done() || !c.resets(from, s) {
		st.Marks |= Stray
		return
	}
	if peer.state == SynSent {
		if s.Flags.Has(segment.ACK) && s.Ack != peer.nxt {
			st.Marks |= Stray
			return
		}
		st.Marks |= Refusal
	}
	st.Marks |= Reset
	c.reset = true
	c.half[Client].state, c.half[Server].state = Closed, Closed
}

// resets reports whether a RST falls into the window of the side it is sent to
// (RFC 9293 3.10.7.4, first check), as far as that side's segments showed it.
func (c *Conn) resets(from Side, s *segment.Segment) bool {
	peer := &c.half[from.Other()]
	if !peer.acked {
		return true
	}
	edge := peer.lastAck + segment.Seq(peer.lastWin)<<c.Scale(from.Other())
	return !s.Seq.Less(peer.lastAck) && s.Seq.LessEq(edge)
}
