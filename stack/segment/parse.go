package segment

import (
	"encoding/binary"
	"errors"
)

// Why a packet is not a segment. Parse returns exactly these, so that a caller
// on the hot path compares instead of allocating.
var (
	// ErrNotTCP: the packet is sound as far as it was read, and carries
	// something else (UDP, ICMP, ...).
	ErrNotTCP = errors.New("segment: not TCP")
	// ErrFragment: an IP fragment; the TCP header, if it is there, speaks
	// for data that is not.
	ErrFragment = errors.New("segment: IP fragment")
	// ErrTruncated: the bytes end before the TCP header does.
	ErrTruncated = errors.New("segment: truncated before the end of the TCP header")
	// ErrMalformed: a length or version field contradicts the packet.
	ErrMalformed = errors.New("segment: malformed header")
)

const (
	protocolTCP = 6
	minIPv4     = 20
	lenIPv6     = 40
	minTCP      = 20
)

// Parse reads the segment in an IPv4 or IPv6 packet. The slice must hold the
// headers and may end anywhere after them. A total length of zero in IPv4
// (segmentation offload leaves it so in a capture) means all of b.
func Parse(b []byte) (Segment, error) {
	var s Segment
	err := s.decode(b, len(b))
	return s, err
}

// Decode is Parse for captures: it fills in a Segment that is used again and
// again, and it is told how long the packet was on the wire, of which b may be
// the beginning. That length counts where segmentation offload left a zero in
// the IP header, and nowhere else. After an error s means nothing.
func (s *Segment) Decode(b []byte, wireLen int) error {
	*s = Segment{}
	return s.decode(b, max(wireLen, len(b)))
}

func (s *Segment) decode(b []byte, wireLen int) error {
	if len(b) == 0 {
		return ErrTruncated
	}
	var total int
	var err error
	switch b[0] >> 4 {
	case 4:
		total, err = s.parseIPv4(b, wireLen)
	case 6:
		total, err = s.parseIPv6(b, wireLen)
	default:
		return ErrMalformed
	}
	if err != nil {
		return err
	}
	return s.parseTCP(b, total)
}

// parseIPv4 fills in addresses and TCPStart, and returns the packet's length
// by its header (RFC 791 3.1).
func (s *Segment) parseIPv4(b []byte, wireLen int) (int, error) {
	if len(b) < minIPv4 {
		return 0, ErrTruncated
	}
	ihl := int(b[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = wireLen
	}
	if ihl < minIPv4 || total < ihl {
		return 0, ErrMalformed
	}
	if b[9] != protocolTCP {
		return 0, ErrNotTCP
	}
	// More-fragments or a non-zero offset; don't-fragment is no fragment.
	if binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return 0, ErrFragment
	}
	s.Version = 4
	mapInto(&s.Src.Addr, b[12:16])
	mapInto(&s.Dst.Addr, b[16:20])
	s.TCPStart = ihl
	return total, nil
}

// mapInto writes the IPv4-mapped form of a 4-byte address, in two halves: an array that is
// put together byte by byte and then copied keeps the processor waiting.
func mapInto(to *[16]byte, a []byte) {
	binary.BigEndian.PutUint64(to[:8], 0)
	binary.BigEndian.PutUint64(to[8:], 0xffff<<32|uint64(binary.BigEndian.Uint32(a)))
}

// parseIPv6 fills in addresses and TCPStart, walking extension headers, and
// returns the packet's length by its header.
func (s *Segment) parseIPv6(b []byte, wireLen int) (int, error) {
	if len(b) < lenIPv6 {
		return 0, ErrTruncated
	}
	total := lenIPv6 + int(binary.BigEndian.Uint16(b[4:]))
	if total == lenIPv6 {
		total = jumboLen(b, wireLen)
	}
	s.Version = 6
	copy(s.Src.Addr[:], b[8:24])
	copy(s.Dst.Addr[:], b[24:40])
	next, at := b[6], lenIPv6
	for next != protocolTCP {
		following, n, err := Extension(next, b[min(at, len(b)):])
		if err != nil {
			return 0, err
		}
		if next == ExtFragment && split(b[at:]) {
			return 0, ErrFragment
		}
		next, at = following, at+n
	}
	s.TCPStart = at
	return total, nil
}

// jumboLen is the length of a packet whose IPv6 header says 0: what the jumbo
// payload option says, the first of a hop-by-hop header, where Linux puts it too
// (RFC 2675 2); without it segmentation offload has left the 0, as in IPv4.
func jumboLen(b []byte, wireLen int) int {
	if b[6] == ExtHopByHop && len(b) >= lenIPv6+8 && b[42] == 0xc2 && b[43] == 4 {
		if n := int(binary.BigEndian.Uint32(b[44:])); n > 0xffff {
			return lenIPv6 + n
		}
	}
	return wireLen
}

func (s *Segment) parseTCP(b []byte, total int) error {
	if total < s.TCPStart+minTCP {
		return ErrMalformed
	}
	if len(b) < s.TCPStart+minTCP {
		return ErrTruncated
	}
	h := b[s.TCPStart:]
	hlen := int(h[12]>>4) * 4
	if hlen < minTCP || s.TCPStart+hlen > total {
		return ErrMalformed
	}
	s.Src.Port = binary.BigEndian.Uint16(h)
	s.Dst.Port = binary.BigEndian.Uint16(h[2:])
	s.Seq = Seq(binary.BigEndian.Uint32(h[4:]))
	s.Ack = Seq(binary.BigEndian.Uint32(h[8:]))
	s.Flags = Flags(h[13])
	s.Window = binary.BigEndian.Uint16(h[14:])
	s.PayloadStart = s.TCPStart + hlen
	s.PayloadLen = total - s.PayloadStart
	// Options cut off by a snap length are read as far as they go: the
	// fixed header is what a verdict needs.
	s.parseOptions(h[minTCP:min(hlen, len(h))], s.TCPStart+minTCP)
	return nil
}

// Option kinds (RFC 9293 3.2, RFC 7323, RFC 2018, RFC 8684).
const (
	optEnd        = 0
	optNop        = 1
	optMSS        = 2
	optScale      = 3
	optSACKPerm   = 4
	optSACK       = 5
	optTimestamps = 8
	optMultipath  = 30
	optFastOpen   = 34
	optExperiment = 254
)

// multipathFastClose is the subtype of MP_FASTCLOSE (RFC 8684 8).
const multipathFastClose = 7

// parseOptions reads what it knows and stops at the first nonsense, as every
// stack does: a bad option never costs the segment. The slice begins at
// offset start of the packet.
func (s *Segment) parseOptions(o []byte, start int) {
	for i := 0; i < len(o); {
		kind := o[i]
		if kind == optEnd {
			return
		}
		if kind == optNop {
			i++
			continue
		}
		if i+1 >= len(o) || o[i+1] < 2 || i+int(o[i+1]) > len(o) {
			return
		}
		n := int(o[i+1])
		s.option(kind, o[i+2:i+n], start+i)
		i += n
	}
}

// option takes in one option whose body is given; at is its offset in the packet.
func (s *Segment) option(kind byte, body []byte, at int) {
	switch {
	case kind == optMSS && len(body) == 2:
		s.MSS = binary.BigEndian.Uint16(body)
	case kind == optScale && len(body) == 1:
		// RFC 7323 2.3: a count above 14 is taken as 14.
		s.WindowScale, s.HasWindowScale = min(body[0], 14), true
	case kind == optSACKPerm && len(body) == 0:
		s.SACKPermitted = true
	case kind == optTimestamps && len(body) == 8:
		s.HasTimestamps = true
		s.TSVal = binary.BigEndian.Uint32(body)
		s.TSEcr = binary.BigEndian.Uint32(body[4:])
		s.tsStart = at
	case kind == optSACK && len(body)%8 == 0:
		s.SACKCount = uint8(min(len(body)/8, len(s.SACKBlocks)))
		s.sackStart = at
		for i := range int(s.SACKCount) {
			s.SACKBlocks[i] = SACKBlock{
				Start: Seq(binary.BigEndian.Uint32(body[i*8:])),
				End:   Seq(binary.BigEndian.Uint32(body[i*8+4:])),
			}
		}
	case kind == optMultipath && len(body) > 0:
		s.FastClose = s.FastClose || body[0]>>4 == multipathFastClose
	case kind == optFastOpen:
		s.fastOpen(FastOpenOption, body)
	case kind == optExperiment && len(body) >= 2 && binary.BigEndian.Uint16(body) == fastOpenMagic:
		s.fastOpen(FastOpenExperiment, body[2:])
	}
}
