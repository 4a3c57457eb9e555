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
	// finPending: the FIN has come to the other side, a host, in its turn, and the host, which
	// had it in a queue, has sent its own FIN without acknowledging this one. Its next
	// acknowledgment takes the FIN.
	finPending bool
	// otherFIN is the number of another FIN, where the first is behind a gap: one of the
	// two is false.
	otherFIN    segment.Seq
	hasOtherFIN bool
	// lossy: a segment of this side is known not to have reached the other (Miss).
	// finMissed: no copy of its FIN has. dropped is the state in which the side sent a RST
	// that was lost; Unknown if there was none.
	lossy, finMissed bool
	dropped          State

	acked   bool        // lastAck, lastWin and edge are set
	lastAck segment.Seq // the highest ACK this side sent
	lastWin uint16
	edge    segment.Seq // right edge of the widest window that this side offered
	maxWin  uint32      // the largest window that this side offered, in bytes

	// rcv is the other side's RCV.NXT, as far as what came in order and what the other
	// side acknowledged tell. tsRecent is its TS.Recent (RFC 7323 4.3). taken is the
	// latest argument of Acknowledged.
	rcv, taken          segment.Seq
	tsRecent            uint32
	hasRecent, hasTaken bool

	// The offers of this side's SYN.
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
	vantage vantage
	reset   reset
}

// State is where the side stands, by what was seen so far.
func (c *Conn) State(s Side) State {
	if c.reset.on {
		return Closed
	}
	return c.half[s].state
}

// Done reports whether both sides are through (CLOSED or TIME_WAIT).
func (c *Conn) Done() bool { return c.State(Client).Done() && c.State(Server).Done() }

// FINSent reports whether the side's FIN has been seen.
func (c *Conn) FINSent(s Side) bool { return c.half[s].finSent }

// FINAcked reports whether the side's FIN has been seen acknowledged.
func (c *Conn) FINAcked(s Side) bool { return c.half[s].finAcked }

// Crossed reports whether the FINs crossed: a simultaneous close.
func (c *Conn) Crossed() bool { return c.crossed }

// WasReset reports whether a RST ended the connection.
func (c *Conn) WasReset() bool { return c.reset.on }

// Next is the side's SND.NXT: the sequence number after the last it was seen
// to send, FIN included.
func (c *Conn) Next(s Side) segment.Seq { return c.half[s].nxt }

// ISN is the side's initial sequence number (RFC 9293 3.4.1); it reports false where its SYN
// was not seen.
func (c *Conn) ISN(s Side) (segment.Seq, bool) { return c.half[s].isn, c.half[s].synSeen }

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

// Update takes in the next segment, sent by the given side. A segment that the
// receiving TCP refuses changes nothing: its Step is marked Challenged or Ignored.
func (c *Conn) Update(from Side, s *segment.Segment) (st Step) {
	c.UpdateTo(&st, from, s)
	return st
}

// UpdateTo is Update for a caller with many segments: it writes the Step where it is
// kept, because copying one waits until all of its parts are stored.
func (c *Conn) UpdateTo(st *Step, from Side, s *segment.Segment) {
	*st = Step{}
	st.From = from
	st.Before[Client], st.Before[Server] = c.State(Client), c.State(Server)
	c.begin(from, s)
	me := &c.half[from]
	st.SeqOff = s.Seq - me.isn
	if s.Flags.Has(segment.ACK) {
		st.AckOff = s.Ack - c.half[from.Other()].isn
	}
	switch refusal := c.judge(from, s); {
	case refusal != 0:
		st.Marks |= refusal
	case s.Flags.Has(segment.RST):
		c.rst(from, s, st)
	case c.reset.on:
		c.afterReset(from, s, st)
	default:
		if c.Done() && !s.Flags.Has(segment.SYN) {
			st.Marks |= Stray
		}
		c.take(from, s, st)
	}
	st.After[Client], st.After[Server] = c.State(Client), c.State(Server)
}

// take learns from a segment that counts.
func (c *Conn) take(from Side, s *segment.Segment, st *Step) {
	c.comeBack(from)
	c.stamp(from, s)
	c.syn(from, s, st)
	c.ack(from, s, st)
	c.data(from, s, st)
	c.fin(from, s, st)
	c.arrived(from)
}

func (c *Conn) states() [2]State { return [2]State{c.State(Client), c.State(Server)} }

// begin sets a side's numbers at the first segment that shows them. A first
// segment without SYN means that the capture began in the middle: both sides
// are taken to be ESTABLISHED, which the FINs will correct.
func (c *Conn) begin(from Side, s *segment.Segment) {
	me, peer := &c.half[from], &c.half[from.Other()]
	if me.state == Unknown && peer.state == Unknown && !s.Flags.Any(segment.SYN|segment.RST) {
		me.state, peer.state = Established, Established
	}
	// A RST that answers a segment of no connection has that one's number.
	answers := s.Flags.Has(segment.RST) && !s.Flags.Has(segment.ACK) && (s.Seq == 0 || c.at(from))
	if !me.known && !answers {
		me.known = true
		me.isn, me.nxt, me.una, me.rcv = s.Seq, s.Seq, s.Seq, s.Seq
		if !s.Flags.Any(segment.SYN | segment.RST) {
			me.isn-- // the SYN that was not seen
		}
	}
	// The ACK shows the other side's numbers where its own segments did not. A host that
	// has not answered a SYN has none yet, and the ACK is forged.
	if !peer.known && s.Flags.Has(segment.ACK) && !(me.synSeen && c.at(from.Other())) {
		peer.known = true
		peer.isn, peer.nxt, peer.una, peer.rcv = s.Ack-1, s.Ack, s.Ack, s.Ack
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
		if me.lossy {
			c.synArrived(me, peer, s)
		}
		return
	}
	c.offerSYN(me, s)
	me.rcv = me.rcv.Max(s.Seq + 1)
	switch {
	case s.Flags.Has(segment.ACK):
		// The SYN-ACK, or a simultaneous open's second step. Its ACK may have been seen first.
		if !(peer.synSeen && me.state == Established) {
			me.state = SynReceived
		}
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

// offerSYN takes in what a side's first SYN offers.
func (c *Conn) offerSYN(me *half, s *segment.Segment) {
	me.synSeen = true
	me.mss, me.scale, me.hasScale, me.hasTS = s.MSS, s.WindowScale, s.HasWindowScale, s.HasTimestamps
	me.nxt = me.nxt.Max(s.Seq + 1)
}

// ack takes in the acknowledgment: it moves the other side's SND.UNA, and with
// it the states that wait for the ACK of a FIN.
func (c *Conn) ack(from Side, s *segment.Segment, st *Step) {
	if !s.Flags.Has(segment.ACK) {
		return
	}
	me, peer := &c.half[from], &c.half[from.Other()]
	c.classifyACK(from, s, st)
	if c.crossed && me.finSent && me.finSeq.Less(s.Seq) && !me.finMissed && !c.at(from.Other()) {
		// Sent behind this side's FIN, so the other side has that FIN by now. A host knows
		// what it has, and that the segment may be forged.
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
	if me.state == SynSent && peer.state == Listen && me.isn.Less(s.Seq) && c.vantage == between {
		me.state, peer.state = Established, Established // the SYN-ACK was not seen, or not yet
	}
	c.offer(from, s)
	peer.rcv = peer.rcv.Max(s.Ack)
	if peer.finSent && !peer.finAcked && peer.finSeq.Less(s.Ack) && (peer.finTaken || !peer.hasTaken) {
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
	for me.finSent && me.finSeq.Less(end) {
		if c.at(from.Other()) && me.finSeq.Less(begin) || !c.retractFIN(from, begin) {
			st.Marks |= AfterFIN
			break
		}
	}
	if begin.LessEq(me.rcv) && !me.finStands() && !s.Flags.Has(segment.SYN) {
		me.rcv = me.rcv.Max(end)
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
