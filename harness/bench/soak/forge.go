package soak

import (
	"math/rand/v2"

	"lastack/stack/segment"
)

// A forged segment is sound TCP from outside, sent by somebody who does not see
// the connection: it may be anything that RFC 9293 and RFC 5961 have the host
// refuse or ignore, and nothing that they have it believe. So
//
//   - no sequence number is in the client's stream (ISN to behind the FIN), where
//     data would be taken for the client's and a RST might be exact;
//   - what lies beyond the stream is in the window for most connections, so that
//     a RST there calls for a challenge ACK (RFC 5961 3.2) and data for a place
//     in the queue, where the gap before them is never filled;
//   - the acknowledgment is the server's ISN, which moves nothing, or a number
//     that the server has not sent, which RFC 5961 5.2 has it refuse;
//   - the window is the largest, as the last one heard may count;
//   - a timestamp from the future is never on a segment that is not beyond the
//     window's left edge, as RFC 7323 4.3 lets such a one set TS.Recent.

// place is where in the sequence space a forged segment lies.
type place int

const (
	before   place = iota // of the stream: old
	beyond                // the stream: mostly in the window
	anywhere              // outside the stream
	places
)

func (p place) String() string { return [...]string{"before", "beyond", "anywhere"}[p] }

// reach is how far before or beyond the stream a near forgery lies: less than the
// smallest window that a connection begins with.
const reach = 30_000

// Where the server may have closed first, a segment with a length beyond the stream does
// end the connection: data for a side that no longer reads call for a RST (RFC 9293
// 3.6.1; Linux counts it as TCPAbortOnData). Those are sent before the stream.

// margin keeps forged data, which is shorter, from reaching into the stream.
const margin = 200

// forgery is one kind of forged segment.
type forgery struct {
	name  string
	flags segment.Flags
	data  int
	// unsent: it acknowledges what the server has not sent.
	unsent bool
}

var forgeries = []forgery{
	{"RST", segment.RST, 0, false},
	{"RST+ACK", segment.RST | segment.ACK, 0, false},
	{"FIN", segment.FIN | segment.ACK, 0, false},
	{"data", segment.PSH | segment.ACK, 100, false},
	{"data+FIN", segment.FIN | segment.PSH | segment.ACK, 100, false},
	{"SYN", segment.SYN, 0, false},
	{"SYN+ACK", segment.SYN | segment.ACK, 0, false},
	{"ACK of the unsent", segment.ACK, 0, true},
	{"FIN, ACK of the unsent", segment.FIN | segment.ACK, 0, true},
}

// target is the connection that a segment is forged against.
type target struct {
	numbers
	tuple segment.Tuple
	size  int64
	// serverFirst: the server closes first.
	serverFirst bool
}

// where draws a place for a forgery against the target.
func (f *forgery) where(r *rand.Rand, n *target) place {
	p := place(r.IntN(int(places)))
	if f.flags.Has(segment.SYN) && p == beyond {
		return before // a SYN beyond may rightly open the next connection, after this one
	}
	if n.serverFirst && (f.data > 0 || f.flags.Has(segment.FIN)) {
		return before
	}
	return p
}

// forge makes a segment against a connection.
func forge(r *rand.Rand, n *target) (segment.Segment, []byte, string) {
	f := &forgeries[r.IntN(len(forgeries))]
	p := f.where(r, n)
	s, payload := f.against(r, n, p, n.stamps && r.IntN(2) == 0)
	return s, payload, f.name + " " + p.String()
}

// against makes the segment, with a timestamp or without.
func (f *forgery) against(r *rand.Rand, n *target, p place, stamped bool) (segment.Segment, []byte) {
	s := segment.Segment{
		Tuple: n.tuple, Version: 4, Flags: f.flags, Seq: sequence(r, n.numbers, n.size, p), Window: 65535,
	}
	if f.flags.Has(segment.ACK) {
		s.Ack = n.server
		if f.unsent {
			s.Ack += segment.Seq(n.size + 2 + 1<<20 + r.Int64N(1<<20))
		}
	}
	if stamped {
		s.HasTimestamps, s.TSVal = true, n.tsval
		if p == beyond && !f.unsent {
			s.TSVal += 1 << 20
		}
	}
	payload := make([]byte, f.data)
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	return s, payload
}

// sequence is a number outside the stream, which is everything from the ISN to
// what is behind the FIN.
func sequence(r *rand.Rand, n numbers, size int64, p place) segment.Seq {
	end := n.client + segment.Seq(size+2) // behind the FIN
	switch p {
	case before:
		return n.client - segment.Seq(margin+r.IntN(reach))
	case beyond:
		return end + segment.Seq(1+r.IntN(reach))
	}
	free := int64(1)<<32 - (size + 2) - 2*margin
	return end + segment.Seq(1+r.Int64N(free))
}
