package capture

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// cursor walks over the headers before an IP packet. It reads no more of a
// header than where the next begins, and so works on captures that cut packets
// to their headers, where gopacket's decoders refuse what is not whole; their
// numbers and names are used.
//
// Every method begins at the header it is named after, and goes on to the
// headers behind it.
type cursor struct {
	b     []byte
	at    int // where the next header begins
	left  int // headers within headers that may still be entered
	dir   Direction
	kind  kind // what there is if it is not IP
	more  bool // the record has packets behind this one
	outer      // of the IP packet that was opened, if it was one
}

// maxNested bounds headers that stand in one another: no network has half as
// many. VLAN tags and MPLS labels are not counted, as their loops end with the
// record.
const maxNested = 32

// startCursor begins at the first byte of b.
func startCursor(b []byte) cursor { return cursor{b: b, left: maxNested} }

// take passes n bytes and returns them, or nil where so many are not there.
func (c *cursor) take(n int) []byte {
	if len(c.b)-c.at < n {
		return nil
	}
	h := c.b[c.at : c.at+n]
	c.at += n
	return h
}

// rest is what has not been passed.
func (c *cursor) rest() []byte { return c.b[c.at:] }

// not ends the walk at something that is not IP.
func (c *cursor) not(k kind) verdict {
	c.kind = k
	return notIP
}

// enter counts a header that another may stand in, and reports false when
// there were too many.
func (c *cursor) enter() bool {
	c.left--
	return c.left >= 0
}

// ip ends the walk at what should be an IP packet. A version of 0 allows both.
func (c *cursor) ip(version byte) verdict {
	if c.at >= len(c.b) {
		return tooShort
	}
	got := c.b[c.at] >> 4
	if got != 4 && got != 6 || version != 0 && got != version {
		return c.not(kindNotIP)
	}
	return isIP
}

// minEtherType is the least EtherType; what is less is the length of an 802.3
// frame.
const minEtherType = 1536

// EtherTypes that gopacket's layers does not name (IEEE 802 numbers).
const (
	etherQinQ1   = 0x9100 // what was used before 802.1ad, like the next two
	etherQinQ2   = 0x9200
	etherQinQ3   = 0x9300
	etherPBB     = 0x88e7 // 802.1ah, I-TAG
	etherETag    = 0x893f // 802.1BR
	etherVNTag   = 0x8926
	etherCMD     = 0x8909 // Cisco metadata
	etherJumbo   = 0x8870 // LLC in a frame too long for a length
	etherERSPAN3 = 0x22eb
)

func (c *cursor) ethernet() verdict {
	if !c.enter() {
		return c.not(kindNested)
	}
	h := c.take(14)
	if h == nil {
		return tooShort
	}
	return c.etherType(binary.BigEndian.Uint16(h[12:]))
}

// tagLen is how long a tag is that ends with another EtherType, 0 for what is
// no such tag.
func tagLen(typ uint16) int {
	switch typ {
	case uint16(layers.EthernetTypeDot1Q), uint16(layers.EthernetTypeQinQ), etherQinQ1, etherQinQ2, etherQinQ3:
		return 4
	case etherVNTag:
		return 6
	case etherETag, etherCMD:
		return 8
	}
	return 0
}

// etherType passes tags, however many, and goes on with what the EtherType
// names. The type is the one before the cursor.
func (c *cursor) etherType(typ uint16) verdict {
	for n := tagLen(typ); n > 0; n = tagLen(typ) {
		h := c.take(n)
		if h == nil {
			return tooShort
		}
		typ = binary.BigEndian.Uint16(h[n-2:])
	}
	switch {
	case typ == uint16(layers.EthernetTypeIPv4):
		return c.ip(4)
	case typ == uint16(layers.EthernetTypeIPv6):
		return c.ip(6)
	case typ < minEtherType, typ == etherJumbo:
		return c.llc()
	case typ == etherPBB:
		if c.take(4) == nil { // the service's number
			return tooShort
		}
		return c.ethernet()
	}
	switch layers.EthernetType(typ) {
	case layers.EthernetTypeMPLSUnicast, layers.EthernetTypeMPLSMulticast:
		return c.mpls()
	case layers.EthernetTypePPPoESession:
		return c.pppoe()
	case layers.EthernetTypePPP:
		return c.ppp()
	case layers.EthernetTypeTransparentEthernetBridging:
		return c.ethernet()
	}
	return c.not(kindEtherType | kind(typ))
}

// llc reads IEEE 802.2, with SNAP (RFC 1042) or with IP by its SAP.
func (c *cursor) llc() verdict {
	if !c.enter() {
		return c.not(kindNested)
	}
	h := c.take(3)
	if h == nil {
		return tooShort
	}
	switch sap := [3]byte(h); {
	case sap == [3]byte{0xaa, 0xaa, 3}:
		return c.snap()
	case sap == [3]byte{6, 6, 3}:
		return c.ip(4)
	case sap[0] == 0x42 && sap[1] == 0x42:
		return c.not(kindSTP)
	}
	return c.not(kindLLC)
}

// snap reads an organisation and its number for a protocol, which is an
// EtherType for two of them: RFC 1042 and bridges (802.1H).
func (c *cursor) snap() verdict {
	h := c.take(5)
	if h == nil {
		return tooShort
	}
	typ := binary.BigEndian.Uint16(h[3:])
	if org := [3]byte(h); org != [3]byte{} && org != [3]byte{0, 0, 0xf8} || typ < minEtherType {
		return c.not(kindLLC)
	}
	return c.etherType(typ)
}

// mpls passes a stack of labels. The stack does not say what follows: IP begins with its
// version, and everything else is taken for the Ethernet of a pseudowire.
func (c *cursor) mpls() verdict {
	for {
		h := c.take(4)
		if h == nil {
			return tooShort
		}
		if h[2]&1 == 1 {
			break
		}
	}
	if c.at == len(c.b) {
		return tooShort
	}
	if version := c.b[c.at] >> 4; version == 4 || version == 6 {
		return c.ip(0)
	}
	return c.pseudowire()
}

// pseudowire reads Ethernet behind a control word, which begins with 0 (RFC 4385
// 3) as many addresses do, or without one.
func (c *cursor) pseudowire() verdict {
	start := *c
	v := notIP
	if c.b[c.at]>>4 == 0 {
		if c.take(4) == nil {
			return tooShort
		}
		v = c.ethernet()
	}
	if v == notIP {
		left := c.left
		*c = start
		c.left = left // so that trying twice does not double at each level
		v = c.ethernet()
	}
	if v == notIP && c.kind != kindNested {
		c.kind = kindPseudowire
	}
	return v
}

// pppoe reads a session's header (RFC 2516 4).
func (c *cursor) pppoe() verdict {
	h := c.take(6)
	switch {
	case h == nil:
		return tooShort
	case h[0] != 0x11 || h[1] != 0:
		return c.not(kindEtherType | kind(layers.EthernetTypePPPoEDiscovery))
	}
	return c.ppp()
}

// ppp reads the protocol of RFC 1661, in one byte or in two, behind the
// address and control of RFC 1662 where they are.
func (c *cursor) ppp() verdict {
	switch b := c.rest(); {
	case len(b) == 1 && b[0] == 0xff:
		return tooShort
	case len(b) >= 2 && b[0] == 0xff && b[1] == 3:
		c.at += 2
	}
	if c.at >= len(c.b) {
		return tooShort
	}
	proto := kind(c.b[c.at])
	if c.at++; proto&1 == 0 {
		if c.at >= len(c.b) {
			return tooShort
		}
		proto = proto<<8 | kind(c.b[c.at])
		c.at++
	}
	switch layers.PPPType(proto) {
	case layers.PPPTypeIPv4:
		return c.ip(4)
	case layers.PPPTypeIPv6:
		return c.ip(6)
	case layers.PPPTypeMPLSUnicast, layers.PPPTypeMPLSMulticast:
		return c.mpls()
	}
	return c.not(kindPPP | proto)
}
