package capture

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// Bits of the radiotap header (radiotap.org).
const (
	radiotapTSFT  = 1 << 0
	radiotapFlags = 1 << 1
	radiotapMore  = 1 << 31 // another word of such bits follows
	radiotapPad   = 0x20    // of the flags: the 802.11 header is padded to 4 bytes
)

// radiotap passes what the radio says of a frame. Only one bit of it matters here:
// whether the header behind it is padded.
func (c *cursor) radiotap() verdict {
	b := c.rest()
	if len(b) < 8 {
		return tooShort
	}
	length := int(binary.LittleEndian.Uint16(b[2:]))
	if length < 8 {
		return c.not(kindLink | kind(layers.LinkTypeIEEE80211Radio))
	}
	h := c.take(length)
	if h == nil {
		return tooShort
	}
	return c.dot11(radiotapFlag(h)&radiotapPad != 0)
}

// radiotapFlag finds the flags: the first field, or the second after the
// clock's 8 aligned bytes.
func radiotapFlag(h []byte) byte {
	present := binary.LittleEndian.Uint32(h[4:])
	if present&radiotapFlags == 0 {
		return 0
	}
	at := 4
	for {
		if at+8 > len(h) {
			return 0
		}
		more := binary.LittleEndian.Uint32(h[at:])&radiotapMore != 0
		if at += 4; !more {
			break
		}
	}
	if present&radiotapTSFT != 0 {
		at = (at+7)&^7 + 8
	}
	if at >= len(h) {
		return 0
	}
	return h[at]
}

// prism passes 144 bytes about the radio, or AVS' header, which some drivers put
// there instead and which begins with 8021.
func (c *cursor) prism() verdict {
	if b := c.rest(); len(b) >= 4 && binary.BigEndian.Uint32(b)&^0xff == 0x80211000 {
		return c.avs()
	}
	if c.take(144) == nil {
		return tooShort
	}
	return c.wifi()
}

// avs passes a header that says how long it is.
func (c *cursor) avs() verdict {
	b := c.rest()
	if len(b) < 8 {
		return tooShort
	}
	n := binary.BigEndian.Uint32(b[4:])
	switch {
	case n < 8 || n > maxRecord:
		return c.not(kindLink | kind(linkAVS))
	case c.take(int(n)) == nil:
		return tooShort
	}
	return c.wifi()
}

// ppi passes what CACE's drivers say of a packet, which names the link behind it.
func (c *cursor) ppi() verdict {
	if !c.enter() {
		return c.not(kindNested)
	}
	b := c.rest()
	if len(b) < 8 {
		return tooShort
	}
	n, link := int(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint32(b[4:])
	switch {
	case n < 8 || link > 0xffff:
		return c.not(kindLink | kind(linkPPI))
	case c.take(n) == nil:
		return tooShort
	}
	return c.link(layers.LinkType(link))
}

func (c *cursor) wifi() verdict { return c.dot11(false) }

// The frame control of IEEE 802.11 9.2.4.1, as a little-endian number.
const (
	dot11Type      = 0x000c
	dot11Data      = 0x0008
	dot11NoData    = 0x0040 // of a subtype of data
	dot11QoS       = 0x0080 // likewise
	dot11FromDS    = 0x0200
	dot11ToDS      = 0x0100
	dot11Protected = 0x4000
	dot11Order     = 0x8000
)

// dot11 reads a frame of data, of which LLC is the beginning.
func (c *cursor) dot11(padded bool) verdict {
	b := c.rest()
	if len(b) < 2 {
		return tooShort
	}
	control := binary.LittleEndian.Uint16(b)
	if control&dot11Type != dot11Data || control&dot11NoData != 0 {
		return c.not(kind80211)
	}
	size := dot11Size(control)
	if padded {
		size = (size + 3) &^ 3
	}
	h := c.take(size)
	switch {
	case h == nil:
		return tooShort
	case control&dot11Protected != 0:
		return c.not(kindEncrypted)
	case h[22]&0x0f != 0:
		return c.not(kindPiece)
	}
	if control&dot11QoS != 0 && h[dot11Base(control)]&0x80 != 0 {
		return c.aggregate()
	}
	return c.llc()
}

// dot11Base is the length of the header without what quality of service adds.
func dot11Base(control uint16) int {
	if control&(dot11FromDS|dot11ToDS) == dot11FromDS|dot11ToDS {
		return 30
	}
	return 24
}

func dot11Size(control uint16) int {
	n := dot11Base(control)
	if control&dot11QoS != 0 {
		if n += 2; control&dot11Order != 0 {
			n += 4 // HT control
		}
	}
	return n
}

// aggregate reads the first of the packets that one frame carries (A-MSDU): two
// addresses and a length stand before its LLC.
func (c *cursor) aggregate() verdict {
	h := c.take(14)
	if h == nil {
		return tooShort
	}
	if n := int(binary.BigEndian.Uint16(h[12:])); (n+3)&^3 < len(c.rest()) {
		c.more = true
	}
	return c.llc()
}
