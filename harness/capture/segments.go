package capture

import (
	"golang.org/x/sys/cpu"

	"lastack/stack/segment"
)

// SegmentsConfig says how to make segments of packets. The zero value takes out
// duplicates.
type SegmentsConfig struct {
	// KeepDuplicates returns every copy of a packet that was captured at
	// several places.
	KeepDuplicates bool
	// Dedup says what a copy is.
	Dedup DedupConfig
	// Share says of each packet whose it is, for several Segments that read one capture at
	// the same time; nil means that all are Mine.
	Share func(*Packet) Share
	// ICMP is called from within Next with every ICMP error that quotes a TCP
	// segment, and keeps nothing of it. It may be nil.
	ICMP func(*ICMPError)
}

// Share says whose a packet is where several Segments have a capture between them.
type Share uint8

// Mine is read. Another's is passed over. ForAll is another's too, but if it is an ICMP
// error, SegmentsConfig.ICMP is called.
const (
	Mine Share = iota
	Another
	ForAll
)

// SegmentStats counts what became of the packets of a source.
type SegmentStats struct {
	// Segments were returned.
	Segments int
	// Duplicates are copies that were passed over, those of fragments included.
	Duplicates int
	// Fragments were read. Reassembled segments were returned for some of
	// them, with Packet.Partial set in as many as Partial.
	Fragments, Reassembled, Partial int
	// NotTCP packets carry something else; Truncated ones were cut before
	// the end of the TCP header; Malformed ones contradict themselves.
	NotTCP, Truncated, Malformed int
	// Tunnelled of the segments and Duplicates were inside of tunnels. ICMPErrors
	// of the packets NotTCP quote a TCP segment.
	Tunnelled, ICMPErrors int
}

// Segments turns the packets of a source into TCP segments, each parsed once:
// it takes out the copies of packets captured at several places, and puts
// fragments together as far as needed to know how long their segment is.
//
// Where a packet was split into IP fragments, the segment comes with the first
// fragment's bytes and the whole packet's lengths when the last fragment has
// been seen: Packet.Data looks like a whole packet that was cut. Fragments in
// between are looked for only where the first ends before the TCP header does. If the last one is not in the capture (a filter
// by port matches the first alone), the segment comes with the lengths of the
// first, with Packet.Partial set, and late: after up to 100 ms, but before
// anything its sender sent after it and any acknowledgment of it.
//
// Packets are taken out of tunnels: GRE, IP in IP, 6in4, VXLAN, Geneve, GTP-U, Teredo,
// EtherIP, MPLS in IP, PPTP, the mirrors ERSPAN I to III and WCCP, and out of the
// authentication header of IPsec. Packet.Tunnel tells connections in different tunnels
// apart. If a tunnel's packet was split into fragments, the first is opened.
//
// Zeros that a device filled a short IPv4 packet up with are no data, also where the
// packet's length counts them.
//
// Checksums are not verified: offloading leaves them unfinished. Memory is
// bounded. A Segments is for one goroutine.
type Segments struct {
	_     cpu.CacheLinePad // see window
	next  func() (*Packet, error)
	share func(*Packet) Share
	taken int    // of the source
	dedup *Dedup // nil where copies are kept
	frags fragments
	stats SegmentStats
	kinds kinds // of what is not TCP

	icmp    func(*ICMPError)
	tunnels tunnels
	inner   Packet // out of a tunnel
	copied  []byte // of inner.Data, where a header was taken out of it

	// pending: packet has been read and not yet returned; parsed is what Decode said
	// of it, and err what the source said instead of it.
	pending bool
	packet  *Packet
	kept    segment.Segment // of it, if it was read by an earlier call
	parsed  error
	err     error

	own segment.Segment // that Next returns
	_   cpu.CacheLinePad
}

// NewSegments reads from src, which stays the caller's to close.
func NewSegments(src Source, c SegmentsConfig) *Segments {
	s := &Segments{next: borrower(src), share: c.Share, icmp: c.ICMP}
	if !c.KeepDuplicates {
		s.dedup = NewDedup(c.Dedup)
	}
	return s
}

// borrower returns a Next of src that copies no Packet where src can do so.
func borrower(src Source) func() (*Packet, error) {
	if b, ok := src.(interface{ borrow() (*Packet, error) }); ok {
		return b.borrow
	}
	p := &Packet{}
	return func() (_ *Packet, err error) {
		*p, err = src.Next()
		return p, err
	}
}

// Stats counts what has been read so far.
func (s *Segments) Stats() SegmentStats { return s.stats }

// Packets is how many packets of the source were taken so far, those of others included.
func (s *Segments) Packets() int { return s.taken }

// NotTCPKinds says what the packets were that Stats.NotTCP counts, the most
// frequent kinds first.
func (s *Segments) NotTCPKinds() []Kind { return s.kinds.list() }

// Next returns the next segment and the packet it is in, and after the last the
// error of the source, io.EOF where that is at its end. Both are valid until the
// next call.
func (s *Segments) Next() (*Packet, *segment.Segment, error) {
	p, err := s.NextTo(&s.own)
	if err != nil {
		return nil, nil, err
	}
	return p, &s.own, nil
}

// NextTo is Next for a caller that keeps segments: it writes the segment to where the
// caller has it. After an error that means nothing.
func (s *Segments) NextTo(seg *segment.Segment) (*Packet, error) {
	for {
		if s.pending {
			*seg = s.kept
		} else {
			s.read(seg)
		}
		if s.frags.waiting > 0 {
			if f := s.frags.due(s, seg); f != nil {
				s.kept = *seg // it is still pending
				return s.partial(f, seg), nil
			}
		}
		if s.err != nil {
			return nil, s.err
		}
		s.pending = false
		switch s.parsed {
		case nil:
			unpad(s.packet.Data, seg)
			if s.dedup != nil && s.dedup.Duplicate(s.packet, seg) {
				s.stats.Duplicates++
				continue
			}
			s.stats.Segments++
			return s.packet, nil
		case segment.ErrFragment:
			if f := s.fragment(); f != nil {
				s.stats.Segments++
				*seg = f.seg
				return &f.packet, nil
			}
		default:
			s.count(s.parsed)
		}
	}
}

// read takes the next packet from the source. An error of it stays pending.
func (s *Segments) read(seg *segment.Segment) {
	s.packet, s.err = s.next()
	s.taken++
	if s.share != nil {
		s.pass(seg)
	}
	s.pending = true
	if s.err != nil {
		return
	}
	s.parsed = seg.Decode(s.packet.Data, s.packet.OrigLen)
	if s.parsed == segment.ErrNotTCP {
		s.parsed = s.open(seg)
	}
}

// pass passes over what is another's.
func (s *Segments) pass(seg *segment.Segment) {
	for s.err == nil {
		switch s.share(s.packet) {
		case Mine:
			return
		case ForAll:
			if seg.Decode(s.packet.Data, s.packet.OrigLen) == segment.ErrNotTCP {
				_ = s.open(seg) // for what it calls
			}
		}
		s.packet, s.err = s.next()
		s.taken++
	}
}

func (s *Segments) count(err error) {
	switch err {
	case segment.ErrNotTCP:
		s.stats.NotTCP++
	case segment.ErrTruncated:
		s.stats.Truncated++
	default:
		s.stats.Malformed++
	}
}

// partial returns a segment that has waited for its last fragment in vain,
// before the pending packet.
func (s *Segments) partial(f *fragmented, seg *segment.Segment) *Packet {
	f.packet.Partial = true
	s.stats.Partial++
	s.stats.Reassembled++
	s.stats.Segments++
	*seg = f.seg
	return &f.packet
}

// fragment takes in the pending packet, and returns the segment it completes.
func (s *Segments) fragment() *fragmented {
	s.stats.Fragments++
	piece, err := parseFragment(s.packet.Data)
	if err != nil {
		s.count(err)
		return nil
	}
	if t := s.packet.Tunnel; t != nil {
		piece.key.tunnel = t.Number
	}
	f, err := s.frags.add(piece, s.packet)
	switch {
	case err == errSeen:
		s.stats.Duplicates++
	case err != nil:
		s.count(err)
	case f != nil:
		s.stats.Reassembled++
	}
	return f
}
