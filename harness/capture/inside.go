package capture

import (
	"encoding/binary"

	"lastack/stack/segment"
)

// open looks for a segment inside of the pending packet, which does not carry TCP
// itself: in tunnels, however they stand in one another, and behind IPsec's
// authentication header. The packet that it finds becomes the pending one.
func (s *Segments) open(seg *segment.Segment) error {
	p, err := s.packet, segment.ErrNotTCP
	for depth := 0; err == segment.ErrNotTCP; depth++ {
		c := startCursor(p.Data)
		if depth == maxNested {
			return s.notTCP(kindNested)
		}
		switch v := c.packet(); v {
		case isIP:
			p = s.enter(p, &c)
		case isTCP:
			if p.Data[0]>>4 != 4 {
				return s.notTCP(kindOther) // package segment reads it behind IPv6
			}
			p = s.withoutAuth(p, c.at)
		case isICMP:
			s.icmpError(p, &c)
			return s.notTCP(c.kind)
		case tooShort:
			if p.Truncated() {
				return segment.ErrTruncated
			}
			return s.notTCP(kindTunnel)
		default:
			return s.notTCP(c.kind)
		}
		if err = seg.Decode(p.Data, p.OrigLen); err == segment.ErrMalformed && c.guessed {
			return s.notTCP(kindUDP) // and no tunnel
		}
	}
	s.packet = p
	if err == nil && p.Tunnel != nil {
		s.stats.Tunnelled++
	}
	return err
}

// notTCP counts what a packet is instead.
func (s *Segments) notTCP(k kind) error {
	if s.kinds == nil {
		s.kinds = kinds{}
	}
	s.kinds.add(k)
	return segment.ErrNotTCP
}

// enter makes s.inner the packet at the cursor. p may be s.inner itself.
func (s *Segments) enter(p *Packet, c *cursor) *Packet {
	in := *p
	in.Data, in.OrigLen = trim(p.Data[c.at:], p.OrigLen-c.at)
	in.Tunnel = s.tunnelOf(p.Tunnel, c)
	in.Via = uint32(mix(uint64(p.Via)^hashOf(&c.src), hashOf(&c.dst))) | 1
	s.inner = in
	return &s.inner
}

// tunnelOf is the tunnel that the cursor went into.
func (s *Segments) tunnelOf(in *Tunnel, c *cursor) *Tunnel {
	if c.outer.kind == noTunnel {
		return in
	}
	key := tunnelKey{in: in, kind: c.outer.kind, id: c.outer.id, hasID: c.outer.hasID}
	key.ends(&c.src, &c.dst)
	return s.tunnels.of(&key)
}

func hashOf(addr *[16]byte) uint64 {
	le := binary.LittleEndian
	return mix(le.Uint64(addr[:]), le.Uint64(addr[8:]))
}

// withoutAuth makes s.inner the IPv4 packet without what stands between its header and
// TCP at the given place, because package segment expects them next to each other.
func (s *Segments) withoutAuth(p *Packet, at int) *Packet {
	header := int(p.Data[0]&15) * 4
	gone := at - header
	s.copied = append(append(s.copied[:0], p.Data[:header]...), p.Data[at:]...)
	b := s.copied
	if total := int(binary.BigEndian.Uint16(b[2:])); total > gone {
		binary.BigEndian.PutUint16(b[2:], uint16(total-gone))
	}
	b[9] = protocolTCP
	in := *p
	in.Data, in.OrigLen = b, p.OrigLen-gone
	s.inner = in
	return &s.inner
}
