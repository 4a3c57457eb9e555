package capture

import (
	"encoding/binary"

	"lastack/stack/segment"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// outer is what a cursor finds out about the IP packet that it opens.
type outer struct {
	src, dst [16]byte
	kind     tunnelKind
	id       uint32
	hasID    bool
	// guessed: only a port number says that there is a tunnel.
	guessed bool
}

// packet opens an IP packet that does not begin with TCP: the cursor ends at a packet
// inside it (isIP), at TCP or ICMP (isTCP, isICMP), or at something else.
func (c *cursor) packet() verdict {
	if c.at >= len(c.b) {
		return tooShort
	}
	proto, v := byte(0), isIP
	switch c.b[c.at] >> 4 {
	case 4:
		proto, v = c.header4()
	case 6:
		proto, v = c.header6()
	default:
		return c.not(kindNotIP)
	}
	if v != isIP {
		return v
	}
	return c.carried(proto)
}

// header4 passes an IPv4 header and returns the protocol behind it.
func (c *cursor) header4() (byte, verdict) {
	b := c.rest()
	if len(b) < 20 {
		return 0, tooShort
	}
	size := int(b[0]&15) * 4
	if size < 20 {
		return 0, c.not(kindNotIP)
	}
	c.src = [16]byte{10: 0xff, 11: 0xff, 12: b[12], 13: b[13], 14: b[14], 15: b[15]}
	c.dst = [16]byte{10: 0xff, 11: 0xff, 12: b[16], 13: b[17], 14: b[18], 15: b[19]}
	if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return 0, c.piece(b[9])
	}
	if c.take(size) == nil {
		return 0, tooShort
	}
	return b[9], isIP
}

// header6 passes an IPv6 header and its extensions.
func (c *cursor) header6() (byte, verdict) {
	b := c.take(lenIPv6)
	if b == nil {
		return 0, tooShort
	}
	copy(c.src[:], b[8:])
	copy(c.dst[:], b[24:])
	next := b[6]
	for segment.IsExtension(next) {
		b = c.rest()
		following, size, err := segment.Extension(next, b)
		switch {
		case err != nil:
			return 0, tooShort
		case next == segment.ExtFragment && binary.BigEndian.Uint16(b[2:])&^7 != 0:
			return 0, c.piece(b[0])
		case c.take(size) == nil:
			return 0, tooShort
		}
		next = following
	}
	return next, isIP
}

// piece is a fragment without the headers of what was split.
func (c *cursor) piece(proto byte) verdict {
	switch layers.IPProtocol(proto) {
	case layers.IPProtocolIPv4, layers.IPProtocolIPv6, layers.IPProtocolGRE:
		return c.not(kindTunnelPiece)
	}
	return c.not(kindIPProtocol | kind(proto))
}

// carried goes on with what an IP packet carries.
func (c *cursor) carried(proto byte) verdict {
	switch layers.IPProtocol(proto) {
	case layers.IPProtocolTCP:
		return isTCP
	case layers.IPProtocolICMPv4, layers.IPProtocolICMPv6:
		c.kind = kindIPProtocol | kind(proto)
		return isICMP
	case layers.IPProtocolUDP:
		return c.udp()
	case layers.IPProtocolIPv4:
		c.outer.kind = tunnelIPIP
		return c.ip(4)
	case layers.IPProtocolIPv6:
		return c.sixIn()
	case layers.IPProtocolGRE:
		return c.gre()
	case layers.IPProtocolAH:
		return c.auth()
	case layers.IPProtocolEtherIP:
		c.outer.kind = tunnelEtherIP
		if c.take(2) == nil {
			return tooShort
		}
		return c.ethernet()
	case layers.IPProtocolMPLSInIP:
		c.outer.kind = tunnelMPLS
		return c.mpls()
	}
	return c.not(kindIPProtocol | kind(proto))
}

// sixIn is IPv6 in an IP packet. Packets of 6to4 (RFC 3056) come back by another relay
// than they went, and their inner addresses are globally unique: the outer addresses tell
// connections apart only for other packets.
func (c *cursor) sixIn() verdict {
	v := c.ip(6)
	if b := c.rest(); v != isIP || len(b) < lenIPv6 || !is6to4(b[8:]) && !is6to4(b[24:]) {
		c.outer.kind = tunnelIPIP
		if c.src[10] == 0xff { // RFC 4213
			c.outer.kind = tunnel6in4
		}
	}
	return v
}

func is6to4(addr []byte) bool { return addr[0] == 0x20 && addr[1] == 2 }

// auth passes IPsec's authentication header in transport or in tunnel mode. It hides
// nothing and does not tell connections apart.
func (c *cursor) auth() verdict {
	if !c.enter() {
		return c.not(kindNested)
	}
	b := c.rest()
	if len(b) < 8 || c.take((int(b[1])+2)*4) == nil {
		return tooShort
	}
	return c.carried(b[0])
}

// gre reads RFC 2784 and 2890, and version 1 as PPTP has it (RFC 2637), whose
// key is another one in each direction.
func (c *cursor) gre() verdict {
	var g layers.GRE
	if g.DecodeFromBytes(c.rest(), gopacket.NilDecodeFeedback) != nil {
		return tooShort
	}
	c.at += len(g.Contents)
	c.outer.kind, c.outer.hasID, c.outer.id = tunnelGRE, g.KeyPresent, g.Key
	switch {
	case g.Version == 1:
		c.outer = outer{src: c.src, dst: c.dst, kind: tunnelPPTP}
		if g.Protocol != layers.EthernetTypePPP || len(c.rest()) == 0 {
			return c.not(kindGRE)
		}
	case g.Protocol == layers.EthernetTypeERSPAN, g.Protocol == etherERSPAN3:
		c.outer = outer{src: c.src, dst: c.dst}
		return c.erspan(g.SeqPresent)
	case g.Protocol == etherWCCP:
		return c.wccp()
	case g.Protocol>>8 == etherAruba:
		return c.wifi()
	case g.Protocol < minEtherType:
		return c.not(kindGRE)
	}
	return c.etherType(uint16(g.Protocol))
}

const (
	// etherWCCP is what caches and routers put their redirected packets in.
	etherWCCP = 0x883e
	// etherAruba is the upper byte of what Aruba's access points put frames of
	// 802.11 in.
	etherAruba = 0x82
)

// wccp has a header of its own from version 2 on, which does not look like IP.
func (c *cursor) wccp() verdict {
	if b := c.rest(); len(b) > 0 && b[0]>>4 != 4 && c.take(4) == nil {
		return tooShort
	}
	return c.ip(4)
}

// erspan reads a frame that a switch has mirrored: type I has no header, and
// the version tells II and III apart. A mirror shows packets at another place
// and is no tunnel that they went through: what two switches mirror are copies.
func (c *cursor) erspan(header bool) verdict {
	if !header {
		return c.ethernet()
	}
	h := c.take(8)
	if h == nil {
		return tooShort
	}
	if h[0]>>4 < 2 {
		return c.ethernet()
	}
	more := c.take(4)
	if more == nil || more[3]&1 == 1 && c.take(8) == nil {
		return tooShort
	}
	if more[2]>>2&0x1f == 2 { // a frame type of IP
		return c.ip(0)
	}
	return c.ethernet()
}
