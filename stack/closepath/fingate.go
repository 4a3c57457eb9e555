package closepath

import (
	"lastack/stack/segment"
)

// finGate is the outer part of finWithData, next to the tracker. netstack refuses an
// acknowledgment of what it has not sent, and may not have sent its FIN, which the wire has
// had: the data filled its congestion window, or it got a light connection after a loss, and
// sends all of that again. The peer's segments that acknowledge the FIN wait for it. Otherwise
// the chain would be through with the connection before netstack. netstack is told that all
// data are acknowledged, as far as it has sent them, and what it then sends goes nowhere,
// until it has sent its FIN.
//
// For the stages behind the gate the segments come when they have waited.
type finGate struct{ *finWithData }

// maxWaiting bounds the segments that wait for netstack's FIN. With more they go on, and
// netstack drops what acknowledges too much.
const maxWaiting = 16

func (finGate) outbound(*tracked, *packet) verdict { return pass }

func (s finGate) inbound(f *tracked, p *packet) verdict {
	if f == nil || !f.behind() || p.refused || p.seg.Flags.Has(segment.RST) {
		return pass
	}
	j := f.joining
	if j == nil || len(j.waiting) == 0 {
		acks := acknowledges(&p.seg) && p.seg.Ack == f.conn.Next(f.host)
		if !acks || f.conn.Refuses(f.host.Other(), &p.seg) {
			return pass
		}
	}
	if j == nil {
		j = &joining{seq: f.conn.Next(f.host) - 1, shut: true, own: true}
		f.joining = j
	}
	if len(j.waiting) == maxWaiting {
		s.open(f)
		return pass
	}
	l := &late{packet: *p, f: f, dir: In}
	l.following = nil
	l.buf.IncRef()
	if j.waiting = append(j.waiting, l); len(j.waiting) == 1 {
		s.nudge(f)
	}
	return taken
}

// behind reports whether the wire has had the host's FIN, and netstack has not sent it.
func (f *tracked) behind() bool {
	if j := f.joining; j != nil && (j.through || j.joined && !j.own) {
		return !j.through
	}
	c := f.light
	return c != nil && c.phase == whole && f.conn.FINSent(f.host) && c.move.sent.Less(f.conn.Next(f.host))
}

// caughtUp takes in what netstack sends while the peer's ACK of all of it waits.
func (s *finWithData) caughtUp(f *tracked, p *packet) verdict {
	if p.seg.Flags.Has(segment.FIN) {
		f.joining.own = true
		s.open(f)
	} else {
		s.nudge(f)
	}
	s.e.report(f, p, Dropped, Host, Out)
	return taken
}

// nudge tells netstack that all data are acknowledged.
func (s *finWithData) nudge(f *tracked) {
	a := f.joining.waiting[0].seg
	a.Flags, a.Seq, a.Ack, a.PayloadLen, a.SACKCount = segment.ACK, f.admitted.ack, f.joining.seq, 0, 0
	l := &late{packet: made(&a, nil), f: f, dir: In, from: s.place + 1, at: s.e.clock.NowMonotonic()}
	if !s.line.add(l) {
		l.buf.DecRef()
	}
}

// open lets go on what waited for netstack's FIN.
func (s *finWithData) open(f *tracked) {
	j := f.joining
	for _, l := range j.waiting {
		l.at = s.e.clock.NowMonotonic()
		if !s.line.add(l) {
			l.buf.DecRef()
		}
	}
	j.waiting, j.through = nil, true
}

// hand takes what comes off the line to netstack: a segment of the peer's that has waited goes
// on at the gate, and what the stage has made, here. netstack holds its locks when a segment
// joins the line.
func (s *finWithData) hand(l *late) {
	defer l.buf.DecRef()
	if l.from == 0 {
		s.e.receive(&l.seg, l.buf, s.e.tracker.place)
		return
	}
	l.f.mu.Lock()
	if l.f.gone.Load() {
		l.f.mu.Unlock()
		return
	}
	l.f.now = l.packet
	if v, _ := s.e.arriveIn(l.f, l.from); v != taken {
		s.e.Endpoint.DeliverNetworkPacket(protocolOf(&l.seg), l.buf)
	}
}
