package capture

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// directed reads the byte that says which way a frame went, 0 for received, and
// goes on with the link.
func (c *cursor) directed(link func(*cursor) verdict) verdict {
	h := c.take(1)
	if h == nil {
		return tooShort
	}
	if c.dir = Incoming; h[0] != 0 {
		c.dir = Outgoing
	}
	return link(c)
}

// pppLink reads PPP, or Cisco's HDLC, which the same link type stands for on
// some systems.
func (c *cursor) pppLink() verdict {
	b := c.rest()
	if len(b) == 0 || b[0] != 0x0f && b[0] != 0x8f {
		return c.ppp()
	}
	return c.ciscoHDLC()
}

// ciscoHDLC is an address, a control byte and an EtherType.
func (c *cursor) ciscoHDLC() verdict {
	h := c.take(4)
	if h == nil {
		return tooShort
	}
	typ := binary.BigEndian.Uint16(h[2:])
	if typ < minEtherType {
		return c.not(kindLLC)
	}
	return c.etherType(typ)
}

// infiniband is a global route header and an EtherType (RFC 4391).
func (c *cursor) infiniband() verdict {
	h := c.take(44)
	if h == nil {
		return tooShort
	}
	typ := binary.BigEndian.Uint16(h[40:])
	if typ < minEtherType {
		return c.not(kindEtherType | kind(typ))
	}
	return c.etherType(typ)
}

// fddi is a frame control, two addresses, and LLC in frames of data.
func (c *cursor) fddi() verdict {
	h := c.take(13)
	switch {
	case h == nil:
		return tooShort
	case h[0]&0xf0 != 0x50:
		return c.not(kindLink | kind(layers.LinkTypeFDDI))
	}
	return c.llc()
}

// tokenRing has a route before LLC if the first bit of the source is set (IEEE 802.5).
func (c *cursor) tokenRing() verdict {
	h := c.take(14)
	switch {
	case h == nil:
		return tooShort
	case h[1]&0xc0 != 0x40:
		return c.not(kindLink | kind(layers.LinkTypeTokenRing))
	}
	if h[8]&0x80 != 0 {
		b := c.rest()
		if len(b) == 0 || c.take(int(b[0]&0x1f)) == nil {
			return tooShort
		}
	}
	return c.llc()
}
