package closepath

import (
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// admit changes or repeats incoming segments so that netstack accepts what TCP must
// accept. It sits next to netstack; the wire never sees the changes. Each rule names the
// clause, and what netstack does without the rule:
//
//   - A bare ACK that is numbered beyond RCV.NXT counts: at a zero window
//     (RFC 9293 3.10.7.4), after the window was shrunk (Linux's tcp_acceptable_seq), and
//     behind a gap. netstack drops it whole in the first two cases, so that the host's
//     own data stay unacknowledged for ever, and answers it with a RST in the third once
//     the application has closed. It gets the number that netstack expects.
//   - A FIN behind a gap counts once the gap is filled (RFC 9293 3.10.7.4). netstack
//     answers it, and then forgets it, unless there are data with it. admit answers it, and
//     delivers it in its turn.
//   - A FIN behind data that were received before counts (RFC 9293 3.10.7.4: a segment is
//     trimmed to the window). netstack drops the segment. The data are cut off.
//   - The ACK of a segment that repeats the latest data or FIN counts: BSD repeats its FIN
//     in the ACK of a crossing FIN. netstack drops the segment.
//   - The ACK of the host's FIN counts in a segment behind a gap. netstack moves from
//     FIN_WAIT_1 or CLOSING by segments in order alone. It gets the ACK by itself.
//   - The peer's FIN is answered each time that it comes again (RFC 9293 3.10.7.4, first
//     check; Linux limits no answer to a FIN). netstack answers once in 500 ms, and a peer
//     whose FIN it passed over waits for one more timeout.
//   - Data behind the peer's FIN mean nothing (RFC 9293 3.10.7.4, seventh check).
//     netstack resets the connection in LAST_ACK and CLOSING.
//   - A SYN repeated in SYN_RECEIVED means that the SYN-ACK was lost; admit sends the
//     SYN-ACK again (RFC 9293 3.10.7.4 leaves it open; Linux does so). netstack sends a
//     bare ACK, which says nothing to the peer, and its own copies come after 1, 3, 7, 15
//     s.
//   - The SYN-ACK of a peer that opens at the same time (RFC 9293 3.5, figure 7) completes the
//     handshake. netstack answers it, and waits.
//   - Data for a host that has closed are answered with a bare RST numbered by their
//     acknowledgment, as Linux does and RFC 9293 3.5.2 says for a connection that is
//     gone. netstack sends RST+ACK.
//   - SYN+FIN opens no connection, as in Linux. netstack answers it.
//   - The ACK of the handshake may come without the timestamps that the SYNs agreed on
//     (RFC 7323 3.2 lets the receiver drop it; Linux takes it). netstack drops it, and
//     repeats its SYN-ACK for ever. admit adds the option.
//   - SYN cookies: see cookie.go.
//
// All of it could be fixed in netstack's tcp/rcv.go and tcp/connect.go.
type admit struct {
	e     *Endpoint
	place int // in the chain
	line  lateLine
}

// admitted is a flow's share of the stage, guarded by the flow's lock.
type admitted struct {
	// ack is netstack's RCV.NXT and edge the end of the window that it offers, by its
	// latest segment, held or not; known says that there was one.
	ack, edge segment.Seq
	known     bool
	synced    bool // netstack has sent something behind its SYN
	cookie    bool // the host's SYN-ACK was a SYN cookie, and netstack may have no endpoint
	// next is what RCV.NXT will be once netstack has processed the delivered segments
	// that lie in its window.
	next segment.Seq
	// kept is the host's SYN-ACK until the handshake is over, and then, with hasFIN, a
	// segment of the peer's whose FIN is behind a gap.
	kept   segment.Segment
	hasFIN bool
	// isLate: the latest segment brought data after the host had sent its FIN; late is
	// that segment's acknowledgment number.
	late   segment.Seq
	isLate bool
}

func newAdmit(e *Endpoint) *admit {
	a := &admit{e: e}
	a.line.clock, a.line.send = e.clock, a.resume
	return a
}

func (a *admit) inbound(f *tracked, p *packet) verdict {
	s := &p.seg
	if a.e.observe {
		return pass
	}
	if (f == nil || f.embryo) && s.Flags.Has(segment.SYN|segment.FIN) && !s.Flags.Has(segment.ACK) {
		a.e.report(f, p, Dropped, Host, In)
		return taken
	}
	if f == nil {
		return a.stray(p)
	}
	if s.Flags.Has(segment.RST) {
		return pass
	}
	if s.Flags.Has(segment.SYN) {
		return a.syn(f, p)
	}
	if !s.Flags.Has(segment.ACK) {
		return pass
	}
	h := &f.admitted
	if h.cookie {
		if v := a.early(f, p); v != pass {
			return v
		}
	}
	h.late, h.isLate = s.Ack, s.PayloadLen > 0 && f.conn.FINSent(f.host) && !s.Ack.Less(f.conn.Una(f.host))
	if !h.synced && !s.HasTimestamps && f.conn.Timestamps() {
		return a.restamp(f, p)
	}
	if !h.known {
		return pass
	}
	if s.Len() == 0 {
		return a.bareACK(h, p)
	}
	return a.inOrder(f, p)
}

// syn answers a repeated SYN with the SYN-ACK, and turns the SYN-ACK of a peer that opens
// at the same time into a bare ACK.
func (a *admit) syn(f *tracked, p *packet) verdict {
	h := &f.admitted
	if p.seg.Flags.Has(segment.ACK) {
		if b := p.incoming(); b != nil && !h.synced && p.step.Before[f.host] == flow.SynReceived && p.step.Marks.Has(flow.Again) {
			p.seg.ClearFlags(b, segment.SYN)
			p.seg.SetSeq(b, p.seg.Seq+1)
			a.e.acknowledge(f) // as Linux does, for which this is a SYN once more
		}
		return pass
	}
	if !h.kept.Flags.Has(segment.SYN) || !p.step.Marks.Has(flow.Again) || f.conn.State(f.host) != flow.SynReceived {
		return pass
	}
	a.e.report(f, p, Dropped, Host, In)
	if a.e.tracker.mayChallenge(f) {
		h.kept.TSEcr = p.seg.TSVal
		a.e.emit(f, &h.kept, nil, a.place)
	}
	return taken
}

// bareACK renumbers an ACK that lies beyond what netstack accepts, so that netstack
// accepts it.
func (a *admit) bareACK(h *admitted, p *packet) verdict {
	target := h.next
	if h.edge.Less(target) {
		target = h.edge // netstack had no room for the rest
	}
	if target.Less(p.seg.Seq) {
		if b := p.incoming(); b != nil {
			p.seg.SetSeq(b, target)
		}
	}
	return pass
}

// inOrder handles a segment with data or a FIN. Data are only cut off where netstack
// has acknowledged them.
func (a *admit) inOrder(f *tracked, p *packet) verdict {
	h, s := &f.admitted, &p.seg
	fin := s.Flags.Has(segment.FIN)
	switch end, taken := f.conn.FINTaken(f.host.Other()); {
	case taken && end.Less(s.End()):
		return a.onlyACK(f, p)
	case h.next.Less(s.Seq):
		if fin {
			a.keepFIN(f, p)
		}
		if p.step.Marks.Has(flow.AcksFIN) {
			a.bareCopy(f, p)
		}
	case fin && s.PayloadLen > 0 && s.FINSeq() == h.ack:
		if b := p.incoming(); b != nil {
			p.cut(b)
			s.SetSeq(b, h.ack)
		}
		h.next = h.ack + 1
	case h.next.Less(s.End()):
		if h.edge != h.ack && s.Seq.LessEq(h.edge) {
			h.next = s.End()
		}
	case taken && s.PayloadLen == 0 && s.End() == h.ack && !p.step.Marks.Has(flow.Advances):
		again := a.e.own(f, segment.ACK, f.conn.Next(f.host))
		a.e.emit(f, &again, nil, a.place) // in place of an ACK that is held
		return a.onlyACK(f, p)
	case s.End() == h.ack && p.step.Marks.Has(flow.Advances):
		if s.PayloadLen > 0 {
			a.e.acknowledge(f) // RFC 9293 3.10.7.4: the duplicate is answered
		}
		return a.onlyACK(f, p)
	}
	return pass
}

// keepFIN keeps a FIN behind a gap, the nearest of several: others may be forged. netstack
// gets the rest of the segment, so that it takes no FIN of which the tracker does not know:
// it may have filled the gap, and not said so yet.
func (a *admit) keepFIN(f *tracked, p *packet) {
	h, s := &f.admitted, &p.seg
	if s.Seq.LessEq(h.edge) && (!h.hasFIN || s.FINSeq().Less(h.kept.FINSeq())) {
		h.kept, h.hasFIN = *s, true
	}
	b := p.incoming()
	if b == nil {
		return
	}
	if s.PayloadLen == 0 {
		a.e.acknowledge(f) // RFC 5681 4.2: at once, and so when the gap is filled
		f.ack.gap = true
	}
	s.ClearFlags(b, segment.FIN)
}

// bareCopy delivers the acknowledgment of a segment behind a gap by itself.
func (a *admit) bareCopy(f *tracked, p *packet) {
	s := p.seg
	s.Flags, s.Seq, s.PayloadLen = segment.ACK, f.admitted.next, 0
	p.following = append(p.following, &late{packet: made(&s, nil), f: f, dir: In, from: a.place + 1})
}

// onlyACK reduces a segment to its acknowledgment, if that is new.
func (a *admit) onlyACK(f *tracked, p *packet) verdict {
	b := p.incoming()
	if b == nil || !p.step.Marks.Has(flow.Advances) {
		a.e.report(f, p, Dropped, Host, In)
		return taken
	}
	p.cut(b)
	p.seg.ClearFlags(b, segment.FIN)
	p.seg.SetSeq(b, f.admitted.ack)
	return pass
}

// restamp delivers a copy of a segment that has timestamps.
func (a *admit) restamp(f *tracked, p *packet) verdict {
	s := p.seg
	s.HasTimestamps = true
	s.TSVal, _ = f.conn.TSRecent(f.host)
	s.TSEcr = 0 // no measure of the round trip
	whole := appendPacket(nil, p.buf)
	m := made(&s, whole[s.PayloadStart:s.PayloadStart+s.PayloadLen])
	p.following = append(p.following, &late{packet: m, f: f, dir: In, from: a.place + 1})
	a.e.report(f, p, Translated, Host, In)
	return taken
}

func (a *admit) outbound(f *tracked, p *packet) verdict {
	if f == nil || a.e.observe || !p.seg.Flags.Has(segment.ACK) {
		return pass
	}
	h := &f.admitted
	if p.seg.Flags.Has(segment.RST) {
		if b := p.header(); b != nil && h.isLate {
			p.seg.ClearFlags(b, segment.ACK)
			p.seg.SetAck(b, 0)
			p.seg.SetSeq(b, h.late)
		}
		return pass
	}
	if p.seg.Flags.Has(segment.SYN) {
		h.kept = p.seg
		// A cookie has no room for the peer's window scale, nor for SACK. Of a peer that has
		// offered neither it cannot be told whether there is an endpoint.
		h.cookie = f.light == nil && !h.synced && !p.seg.HasWindowScale && (f.conn.Scales(f.host.Other()) || !p.seg.SACKPermitted)
	} else {
		h.synced, h.cookie = true, false
	}
	if !h.known || h.ack.LessEq(p.seg.Ack) {
		h.ack, h.edge = p.seg.Ack, p.seg.Ack+f.conn.Width(f.host, &p.seg)
	}
	if !h.known || h.next.Less(h.ack) {
		h.next, h.known = h.ack, true
	}
	f.conn.Acknowledged(f.host, h.ack)
	if h.hasFIN && !h.ack.Less(h.kept.FINSeq()) {
		h.hasFIN = false
		if h.ack == h.kept.FINSeq() && a.deliverLater(f, h.kept) {
			f.conn.TakeFIN(f.host, h.ack)
			if p.seg.PureACK() {
				a.e.report(f, p, Dropped, Host, Out)
				return taken // the ACK of the FIN follows at once
			}
		}
	}
	return pass
}

// deliverLater delivers a FIN whose turn has come, without the data in front of it.
// netstack holds its locks, so another goroutine delivers the segment.
func (a *admit) deliverLater(f *tracked, fin segment.Segment) bool {
	fin.Seq, fin.PayloadLen = fin.FINSeq(), 0
	l := &late{packet: made(&fin, nil), f: f, dir: In, at: a.e.clock.NowMonotonic()}
	if a.line.add(l) {
		return true
	}
	l.buf.DecRef()
	return false
}

// resume delivers a FIN whose turn has come.
func (a *admit) resume(l *late) {
	defer l.buf.DecRef()
	l.f.mu.Lock()
	if l.f.gone.Load() {
		l.f.mu.Unlock()
		return
	}
	if h := &l.f.admitted; h.next == l.seg.FINSeq() {
		h.next++
	}
	l.f.now = l.packet
	if v, _ := a.e.arriveIn(l.f, a.place+1); v != taken {
		a.e.Endpoint.DeliverNetworkPacket(protocolOf(&l.seg), l.buf)
	}
}

// close drops the segments on their way in: nobody is left to receive them.
func (a *admit) close() {
	for _, l := range a.line.close() {
		l.buf.DecRef()
	}
}
