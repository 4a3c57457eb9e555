package flow

import "lastack/stack/segment"

// vantage is where the observer stands.
type vantage uint8

const (
	between  vantage = iota // somewhere on the path; segments may be missing
	atClient                // at that side: every segment it sends is seen
	atServer
)

// At tells the Conn that the observer stands at the given side, as a host that
// follows its own connections does: what was not seen leaving was never sent, and
// what came in order was received. Without it the observer may have missed segments,
// and gives an unlikely segment the benefit of the doubt.
func (c *Conn) At(s Side) { c.vantage = atClient + vantage(s) }

func (c *Conn) at(s Side) bool { return c.vantage == atClient+vantage(s) }

// RcvNxt is the side's RCV.NXT, as far as what came to it in order and what it
// acknowledged tell.
func (c *Conn) RcvNxt(s Side) segment.Seq { return c.half[s.Other()].rcv }

// SentData reports whether the side has sent any data.
func (c *Conn) SentData(s Side) bool { return c.half[s].maxLen > 0 }

// Una is the side's SND.UNA.
func (c *Conn) Una(s Side) segment.Seq { return c.half[s].una }

// TSRecent is the side's TS.Recent: the other side's latest timestamp by the rules of
// RFC 7323 4.3. It reports false before the first.
func (c *Conn) TSRecent(s Side) (uint32, bool) {
	h := &c.half[s.Other()]
	return h.tsRecent, h.hasRecent
}

// ForgetTimestamp drops the side's TS.Recent, which cannot tell old from new once the
// connection was idle for 24 days (RFC 7323 5.5).
func (c *Conn) ForgetTimestamp(s Side) { c.half[s.Other()].hasRecent = false }

// Acknowledged tells the Conn that the side has received all before ack. It is for a host
// whose ACK is not on the wire yet, and which takes a FIN behind a gap by TakeFIN alone:
// another one that lies before ack was false.
func (c *Conn) Acknowledged(s Side, ack segment.Seq) {
	h := &c.half[s.Other()]
	h.rcv = h.rcv.Max(ack)
	h.taken, h.hasTaken = ack, true
	if h.finPending && h.finSeq.Less(ack) {
		c.takeFIN(s)
	}
	for h.finSent && h.finSeq.Less(ack) && c.retractFIN(s.Other(), ack) {
	}
}

// expects reports whether a sequence number of the given side is the other side's
// RCV.NXT. The other side may have had no room for what came in order.
func (c *Conn) expects(from Side, seq segment.Seq) bool {
	me := &c.half[from]
	if me.hasTaken {
		return seq == me.rcv || seq == me.taken
	}
	return seq == me.rcv || seq == c.half[from.Other()].lastAck
}

// unscaledDoubt is the widest window there is (RFC 7323 2.3). It stands for one whose
// scale is not known.
const unscaledDoubt = 1 << 30

// judge says whether the receiver takes the segment (RFC 9293 3.10.7.4 with RFC 5961
// and RFC 7323): 0 if it does, or as far as the observer can tell, and otherwise
// Challenged or Ignored.
func (c *Conn) judge(from Side, s *segment.Segment) Mark {
	me, to := &c.half[from], &c.half[from.Other()]
	switch {
	case c.at(from) && !s.Flags.Has(segment.RST):
		return 0 // the host's own segment is no forgery
	case s.Flags.Has(segment.RST):
		return c.judgeRST(from, s)
	case to.state == SynSent && c.at(from.Other()):
		return c.judgeAnswer(from, s)
	case to.state == Listen && c.at(from.Other()) && !s.Flags.Has(segment.SYN):
		return Ignored // answered with a RST (RFC 9293 3.10.7.2): the SYN is not answered yet
	case !to.state.synchronized() && !(to.state == TimeWait && c.at(from.Other())):
		return 0
	case s.Flags.Has(segment.SYN):
		late := !me.synSeen || s.Seq == me.isn // once more, or seen late
		// With data in the SYN the host may be far ahead before the peer has acknowledged
		// anything.
		if late && (to.state == SynReceived || !me.acked || !c.at(from.Other())) {
			return 0
		}
		return Challenged
	case !s.Flags.Has(segment.ACK):
		if c.at(from.Other()) {
			return Ignored
		}
		return 0 // captures have such FINs, of old stacks
	case c.acksOther(from, s) != 0:
		return c.acksOther(from, s)
	case c.beyond(from, s), c.old(from, s), c.pastFIN(from, s):
		return Challenged
	case c.outdated(from, s):
		return Challenged | Outdated
	}
	return c.judgeACK(from, s)
}

// Refuses reports whether the receiver would refuse a segment of the side's. Nothing is
// learnt from it.
func (c *Conn) Refuses(from Side, s *segment.Segment) bool { return c.judge(from, s) != 0 }

// synchronized reports whether the state judges segments by their numbers
// (RFC 9293 3.10.7.4). TIME_WAIT does so too: a host that has not sent its last ACK yet by
// the same rules, and behind that by rules of its own (package timewait).
func (s State) synchronized() bool { return s >= SynReceived && s < TimeWait }

// judgeAnswer judges what reaches a side in SYN_SENT (RFC 9293 3.10.7.3).
func (c *Conn) judgeAnswer(from Side, s *segment.Segment) Mark {
	to := &c.half[from.Other()]
	if s.Flags.Has(segment.ACK) && s.Ack != to.nxt && (s.Ack.LessEq(to.isn) || to.nxt.Less(s.Ack)) {
		return Ignored
	}
	if !s.Flags.Has(segment.SYN) {
		return Ignored
	}
	return 0
}

// judgeRST judges a RST: by its ACK in SYN_SENT, and otherwise by its sequence number,
// which has to be RCV.NXT exactly (RFC 5961 3.2). An observer on the path does not know
// RCV.NXT that well: there, a RST in the window may count, and later segments show
// whether it did.
func (c *Conn) judgeRST(from Side, s *segment.Segment) Mark {
	me, to := &c.half[from], &c.half[from.Other()]
	switch {
	case c.at(from):
		return c.judgeOwnRST(from, s)
	case to.state == SynSent:
		if !s.Flags.Has(segment.ACK) || s.Ack != to.nxt && (s.Ack.LessEq(to.isn) || to.nxt.Less(s.Ack)) {
			return Ignored
		}
		return 0
	case !to.acked:
		if c.at(from.Other()) && me.synSeen && s.Seq != me.rcv {
			return Ignored // the SYN-ACK has come, and is not acknowledged yet
		}
		return 0
	case s.Seq.Less(to.lastAck) || c.rightEdge(from.Other()).Less(s.Seq):
		return Ignored
	case c.at(from.Other()) && !c.expects(from, s.Seq):
		return Challenged
	}
	return 0
}

// judgeOwnRST tells a RST by which the host ends its connection from one that answers a
// segment of no connection, such as a forged one in the handshake, and ends nothing (RFC
// 9293 3.10.7.3 and 3.10.7.4, fifth check in SYN-RECEIVED). The latter takes its number
// from the segment's acknowledgment, and may leave when the handshake is over.
func (c *Conn) judgeOwnRST(from Side, s *segment.Segment) Mark {
	me, to := &c.half[from], &c.half[from.Other()]
	opening := me.state == Listen || me.state == SynSent || me.state == SynReceived
	switch {
	case s.Flags.Has(segment.ACK) && (!opening || s.Ack == to.rcv), me.known && s.Seq == me.nxt:
		return 0
	case !opening && me.isn.Less(s.Seq) && s.Seq.Less(me.nxt):
		return 0 // it answers a segment of a connection that is no more
	}
	return Ignored
}

// rightEdge is the end of the widest window that the side has offered, as far as it
// can be known.
func (c *Conn) rightEdge(s Side) segment.Seq {
	h := &c.half[s]
	if !c.handshakeSeen() {
		return h.lastAck + unscaledDoubt
	}
	return h.edge
}

// WindowEnd is the sequence number after the last that the side has offered to receive.
func (c *Conn) WindowEnd(s Side) segment.Seq { return c.rightEdge(s) }

func (c *Conn) handshakeSeen() bool { return c.half[Client].synSeen && c.half[Server].synSeen }

// Timestamps reports whether both SYNs offered timestamps (RFC 7323 3.2).
func (c *Conn) Timestamps() bool { return c.half[Client].hasTS && c.half[Server].hasTS }

// Scales reports whether the side's SYN offered a window scale (RFC 7323 2.2).
func (c *Conn) Scales(s Side) bool { return c.half[s].hasScale }

// Width is the window, in bytes, that a segment of the side offers.
func (c *Conn) Width(from Side, s *segment.Segment) segment.Seq {
	if s.Flags.Has(segment.SYN) {
		return segment.Seq(s.Window)
	}
	return segment.Seq(s.Window) << c.Scale(from)
}

// beyond reports whether a segment begins beyond the receiver's window. A bare ACK may
// lie a little further: after the receiver has shrunk its window, Linux numbers it by
// the old one, rounded to the window's scale.
func (c *Conn) beyond(from Side, s *segment.Segment) bool {
	to := &c.half[from.Other()]
	if !to.acked {
		return false
	}
	edge := c.rightEdge(from.Other())
	if s.Len() == 0 {
		edge += segment.Seq(1) << c.Scale(from.Other())
	}
	if !c.at(from.Other()) {
		edge += unseen
	}
	return edge.Less(s.Seq)
}

// unseen is how much an observer on the path may have missed, in bytes: a capture that
// does not have segments shows others beyond any window that it has seen.
const unseen = 1 << 28

// old reports whether all of a segment lies in front of what the host has acknowledged,
// so that even its acknowledgment does not count (RFC 9293 3.10.7.4). One that ends just
// there is taken, as in Linux. On the path such segments are retransmissions, and do no
// harm.
func (c *Conn) old(from Side, s *segment.Segment) bool {
	me := &c.half[from]
	return c.at(from.Other()) && me.hasTaken && s.End().Less(me.taken)
}

// pastFIN reports whether a first FIN lies in front of what the receiver has, where no
// FIN can have been. On the path the ACK of the FIN may be seen before the FIN.
func (c *Conn) pastFIN(from Side, s *segment.Segment) bool {
	me, to := &c.half[from], &c.half[from.Other()]
	if !s.Flags.Has(segment.FIN) || me.finSent {
		return false
	}
	if c.at(from.Other()) {
		return s.FINSeq().Less(me.rcv)
	}
	return to.acked && (s.FINSeq() + 1).Less(to.lastAck)
}

// outdated is the PAWS test (RFC 7323 5.3). An ACK that says nothing new may be late.
func (c *Conn) outdated(from Side, s *segment.Segment) bool {
	me, to := &c.half[from], &c.half[from.Other()]
	if !s.HasTimestamps || !me.hasRecent || !me.hasTS || !to.hasTS {
		return false
	}
	if int32(me.tsRecent-s.TSVal) <= 0 {
		return false
	}
	return !s.PureACK() || c.at(from.Other()) && s.Ack != to.una
}

// stamp updates TS.Recent: not from a segment that begins beyond the last ACK sent
// (RFC 7323 4.3).
func (c *Conn) stamp(from Side, s *segment.Segment) {
	me, to := &c.half[from], &c.half[from.Other()]
	if !s.HasTimestamps || to.acked && to.lastAck.Less(s.Seq) {
		return
	}
	if me.hasRecent && int32(s.TSVal-me.tsRecent) < 0 {
		return
	}
	me.tsRecent, me.hasRecent = s.TSVal, true
}

// acksOther judges a segment that comes to a host which has sent nothing but its SYN, and
// acknowledges another one. In SYN_RECEIVED it is answered with a RST, which ends nothing
// here (RFC 9293 3.10.7.4, fifth check), whatever its sequence number: like Linux, which
// looks at the acknowledgment first. Its sender has a connection that the host does not know.
func (c *Conn) acksOther(from Side, s *segment.Segment) Mark {
	to := &c.half[from.Other()]
	older := s.Ack.LessEq(to.isn)
	switch {
	case !c.at(from.Other()):
	case to.state == SynReceived && (older || to.nxt.Less(s.Ack)):
		return Ignored
	case to.synSeen && to.nxt == to.isn+1 && older:
		return Challenged | Outdated
	}
	return 0
}

// judgeACK judges the acknowledgment (RFC 5961 5.2): not of what was never sent, and
// not older than any window that the receiver could have filled.
func (c *Conn) judgeACK(from Side, s *segment.Segment) Mark {
	me, to := &c.half[from], &c.half[from.Other()]
	if !to.known || s.Flags.Has(segment.SYN) {
		return 0
	}
	sent := to.nxt
	switch {
	case c.at(from.Other()):
	case me.acked:
		sent = sent.Max(c.rightEdge(from)) + 1<<16
	case !to.finSent: // behind a FIN nothing was sent
		sent += unseen // what was seen first may be a keep-alive probe, or older than what is acknowledged
	}
	switch {
	case sent.Less(s.Ack):
		return Challenged
	case c.at(from.Other()) && c.handshakeSeen() && s.Ack.Diff(to.una) < -int(max(me.maxWin, 1<<16)):
		return Challenged | Outdated
	}
	return 0
}

// offer takes in the acknowledgment number and the window of a segment.
func (c *Conn) offer(from Side, s *segment.Segment) {
	me := &c.half[from]
	width := c.Width(from, s)
	edge := s.Ack + width
	if !me.acked || me.edge.Less(edge) {
		me.edge = edge
	}
	if !me.acked || me.lastAck.Less(s.Ack) {
		me.lastAck = s.Ack
	}
	me.acked, me.lastWin = true, s.Window
	me.maxWin = max(me.maxWin, uint32(width))
}
