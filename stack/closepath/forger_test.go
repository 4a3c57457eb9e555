package closepath

import (
	"bytes"

	"lastack/stack/segment"
)

// forgedFlags are what a forger sends.
var forgedFlags = []segment.Flags{
	rst, rst | ack, fin, psh, fin | segment.PSH, syn, synAck, ack, segment.FIN, 0, ack, fin, psh, syn | fin,
}

// forge makes a segment that harms no connection (soak's forger is the same): no number is
// in the peer's stream, and no timestamp of the future on what is not beyond it.
func (s *siege) forge(a, b, c byte) {
	p := s.peer
	if !p.answered {
		return // nobody knows the host's number yet
	}
	flags := forgedFlags[int(a)%len(forgedFlags)]
	end := p.isn + 2 + segment.Seq(p.total)
	n := 0
	if flags.Has(segment.PSH) {
		n = []int{1, 100, mss}[int(a>>4)%3]
	}
	g := segment.Segment{Tuple: s.tuple.Reverse(), Version: 4, Flags: flags, Window: 65535}
	beyond := false
	switch b % 4 {
	case 0:
		g.Seq = p.isn - 200 - segment.Seq(b)*100 - segment.Seq(n)
	case 1, 2:
		g.Seq, beyond = end+1+segment.Seq(b)*100, true
	case 3:
		g.Seq = end + 1 + segment.Seq(b)<<24
	}
	if flags.Has(segment.SYN) { // beyond, it may open the next connection
		g.Seq, beyond = p.isn-200-segment.Seq(b), false
	}
	unsent := false
	if flags.Has(ack) {
		switch c % 5 {
		case 0, 1:
			g.Ack = p.iss
		case 2:
			g.Ack = p.iss + 1
		case 3:
			g.Ack = p.rcv
		case 4:
			g.Ack, unsent = p.rcv+1<<20, true
		}
	}
	if p.how.stamps && c&32 != 0 {
		g.HasTimestamps, g.TSVal = true, p.firstTS
		if beyond && !unsent {
			g.TSVal += 1 << 20
		}
	}
	s.note("forged: %s", &g)
	s.deliver(segment.Append(nil, &g, bytes.Repeat([]byte{'x'}, n)))
}
