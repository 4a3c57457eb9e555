package closepath

import "lastack/stack/segment"

// renumber moves the host's sequence numbers of a connection that follows
// another on its 4-tuple, so that they begin 65,537 beyond the old ones. That is
// Linux's choice: no old segment falls into the window of the new connection
// (RFC 9293 3.10.7.4, fifth check; RFC 6191). A connection that netstack gets in mid-life
// (light_move.go) goes on with the numbers that it has. netstack's own initial sequence
// numbers follow a clock of 64 ns (RFC 6528), which says nothing of the old
// connection once that clock has gone half around, after 137 s.
//
// netstack keeps the numbers it chose: they are translated on the way, in the
// outgoing sequence numbers and in the incoming acknowledgments.
type renumber struct{ e *Endpoint }

// numbers is a flow's share of the stage, guarded by the flow's lock.
type numbers struct {
	// follows: the wire's initial sequence number is to be first.
	follows bool
	first   segment.Seq
	// chosen: netstack has sent its SYN, with the number iss; shift leads from
	// netstack's numbers to the wire's.
	chosen bool
	iss    segment.Seq
	shift  segment.Seq
}

// beyond is how far behind the old connection's SND.NXT the new one begins: a
// window without scaling, and two.
const beyond = 65535 + 2

func (r *renumber) inbound(f *tracked, p *packet) verdict {
	if f == nil || !f.numbers.chosen || f.numbers.shift == 0 {
		return pass
	}
	b := p.incoming()
	if b == nil {
		return taken // a lost segment is better than one with another connection's numbers
	}
	p.seg.ShiftAck(b, -f.numbers.shift)
	return pass
}

func (r *renumber) outbound(f *tracked, p *packet) verdict {
	if f == nil || !f.numbers.follows {
		return pass
	}
	n := &f.numbers
	if p.seg.Flags.Has(segment.RST) && f.embryo && !r.own(f, &p.seg) {
		r.e.report(f, p, Dropped, Host, Out)
		return taken
	}
	if p.seg.Flags.Has(segment.SYN) && !n.chosen {
		n.chosen, n.iss, n.shift = true, p.seg.Seq, n.first-p.seg.Seq
	}
	if n.shift == 0 {
		return pass
	}
	b := p.header()
	if b == nil {
		return taken // a lost segment is better than one of another connection
	}
	p.seg.ShiftSeq(b, n.shift)
	return pass
}

// own reports whether a RST that netstack sends during the handshake is of the new
// connection. Any other RST answers a segment of the old connection that netstack still
// had in a queue when that ended.
func (r *renumber) own(f *tracked, s *segment.Segment) bool {
	if s.Flags.Has(segment.ACK) {
		return s.Ack == f.conn.Next(f.host.Other())
	}
	off := s.Seq - f.numbers.iss
	return f.numbers.chosen && off <= beyond
}
