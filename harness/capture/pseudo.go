package capture

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// pflog reads what the packet filter of the BSDs and macOS logs beside a
// packet: a length, to be rounded up, and an address family come first.
func (c *cursor) pflog() verdict {
	b := c.rest()
	if len(b) < 2 {
		return tooShort
	}
	family := uint32(b[1])
	if b[0] < 48 {
		return c.not(kindLink | kind(layers.LinkTypePFLog))
	}
	if c.take((int(b[0])+3)&^3) == nil {
		return tooShort
	}
	return c.family(family)
}

// enc is OpenBSD's header of packets that IPsec has decrypted: family, SPI and
// flags.
func (c *cursor) enc() verdict { return c.familyFirst(12) }

// ipnet is Solaris' header of packets that were captured above the link.
func (c *cursor) ipnet() verdict {
	h := c.take(24)
	if h == nil {
		return tooShort
	}
	return c.family(uint32(h[1]))
}

// nflogPayload is the type of the attribute that holds the packet
// (NFULA_PAYLOAD).
const nflogPayload = 9

// nflog walks over what Linux' netfilter logs: attributes, each with a length
// and a type in the byte order of the machine that captured. No type is 0 or
// above 255, which tells the orders apart.
func (c *cursor) nflog() verdict {
	h := c.take(4)
	if h == nil {
		return tooShort
	}
	family := uint32(h[0])
	for len(c.rest()) >= 4 {
		b := c.rest()
		order := byteOrder(b[3]&0x7f != 0)
		length, typ := int(order.u16(b)), order.u16(b[2:])&0x7fff
		switch {
		case length < 4:
			return c.not(kindNFLOG)
		case typ == nflogPayload:
			c.at += 4
			return c.family(family)
		}
		if c.take((length+3)&^3) == nil {
			return tooShort
		}
	}
	return tooShort
}

// Offsets and flags of Apple's PKTAP header (bsd/net/pktap.h of XNU).
const (
	pktapMin     = 108
	pktapLink    = 8
	pktapFlags   = 36
	pktapIn      = 1
	pktapOut     = 2
	pktapRecord  = 1
	maxPKTAPSize = 1 << 16
)

// pktap passes what macOS says of a packet: its process, its interface and the
// type of that interface's link.
func (c *cursor) pktap() verdict {
	if !c.enter() {
		return c.not(kindNested)
	}
	b := c.rest()
	if len(b) < pktapMin {
		return tooShort
	}
	order := byteOrder(binary.LittleEndian.Uint32(b) > maxPKTAPSize)
	length := int(order.u32(b))
	if length < pktapMin || length > maxPKTAPSize || order.u32(b[4:]) != pktapRecord {
		return c.not(kindPKTAP)
	}
	h := c.take(length)
	if h == nil {
		return tooShort
	}
	switch order.u32(h[pktapFlags:]) & (pktapIn | pktapOut) {
	case pktapIn:
		c.dir = Incoming
	case pktapOut:
		c.dir = Outgoing
	}
	dir := c.dir
	v := c.link(layers.LinkType(order.u32(h[pktapLink:])))
	if dir != DirectionUnknown {
		c.dir = dir
	}
	return v
}
