package capture

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// Link types that gopacket's layers does not name. Old files have the numbers of
// LINKTYPE_RAW inside the kernels of most systems (12) and of OpenBSD (14), and older
// files of macOS an unofficial number of PKTAP.
const (
	linkRaw12       layers.LinkType = 12
	linkRaw14       layers.LinkType = 14
	linkENC         layers.LinkType = 109
	linkPKTAPOld    layers.LinkType = 149
	linkAVS         layers.LinkType = 163
	linkPPPD        layers.LinkType = 166
	linkPPI         layers.LinkType = 192
	linkPPPWithDir  layers.LinkType = 204
	linkHDLCWithDir layers.LinkType = 205
	linkMPLS        layers.LinkType = 219
	linkIPNet       layers.LinkType = 226
	linkNFLOG       layers.LinkType = 239
	linkIPOIB       layers.LinkType = 242
	linkPKTAP       layers.LinkType = 258
)

// verdict is what became of a record's link header.
type verdict uint8

const (
	isIP        verdict = iota
	notIP               // another protocol, or IP whose version contradicts the link header
	tooShort            // the record ends before the IP packet starts
	unknownLink         // no code here for this link type

	isTCP  // behind a header that package segment does not know
	isICMP // of either version
)

// knownLink reports whether strip has code for a link type.
func knownLink(link layers.LinkType) bool {
	c := &cursor{}
	return c.link(link) != unknownLink
}

// stripPlain finds the IP packet in an Ethernet frame without tags, which most
// records are. It reports false for every other, which a cursor then reads.
func stripPlain(b []byte) bool {
	if len(b) < 15 {
		return false
	}
	switch typ, version := binary.BigEndian.Uint16(b[12:]), b[14]>>4; typ {
	case uint16(layers.EthernetTypeIPv4):
		return version == 4
	case uint16(layers.EthernetTypeIPv6):
		return version == 6
	}
	return false
}

// link takes off the header of a link of the given type.
func (c *cursor) link(link layers.LinkType) verdict {
	switch link {
	case layers.LinkTypeEthernet:
		return c.ethernet()
	case layers.LinkTypeLinuxSLL:
		return c.cooked(16, 14, 1)
	case layers.LinkTypeLinuxSLL2:
		return c.cooked(20, 0, 10)
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		return c.loopback()
	case layers.LinkTypeRaw, linkRaw12, linkRaw14:
		return c.ip(0)
	case layers.LinkTypeIPv4:
		return c.ip(4)
	case layers.LinkTypeIPv6:
		return c.ip(6)
	case layers.LinkTypeIEEE802_11:
		return c.wifi()
	case layers.LinkTypeIEEE80211Radio:
		return c.radiotap()
	}
	return c.otherLink(link)
}

// otherLink has the rarer links.
func (c *cursor) otherLink(link layers.LinkType) verdict {
	switch link {
	case layers.LinkTypePPP, layers.LinkTypePPP_HDLC:
		return c.pppLink()
	case layers.LinkTypePPPEthernet:
		return c.pppoe()
	case linkPPPD, linkPPPWithDir:
		return c.directed((*cursor).ppp)
	case layers.LinkTypeC_HDLC:
		return c.ciscoHDLC()
	case linkHDLCWithDir:
		return c.directed((*cursor).ciscoHDLC)
	case layers.LinkTypeFDDI:
		return c.fddi()
	case layers.LinkTypeTokenRing:
		return c.tokenRing()
	case linkIPOIB:
		return c.infiniband()
	case linkMPLS:
		return c.mpls()
	case layers.LinkTypePrismHeader:
		return c.prism()
	case linkAVS:
		return c.avs()
	case linkPPI:
		return c.ppi()
	case layers.LinkTypePFLog:
		return c.pflog()
	case linkENC:
		return c.enc()
	case linkIPNet:
		return c.ipnet()
	case linkNFLOG:
		return c.nflog()
	case linkPKTAP, linkPKTAPOld:
		return c.pktap()
	}
	c.kind = kindLink | kind(link)
	return unknownLink
}

// cooked reads a Linux "cooked" header of the given size: the protocol is at
// typeAt; the packet type, or the low byte of it, is at kindAt.
func (c *cursor) cooked(size, typeAt, kindAt int) verdict {
	h := c.take(size)
	if h == nil {
		return tooShort
	}
	c.dir = Incoming
	if h[kindAt] == 4 { // LINUX_SLL_OUTGOING
		c.dir = Outgoing
	}
	return c.linuxType(binary.BigEndian.Uint16(h[typeAt:]))
}

// linuxType goes on with what Linux has found a packet to be: an EtherType, or a
// number of Linux' own below them, of which one is LLC (ETH_P_802_2).
func (c *cursor) linuxType(typ uint16) verdict {
	switch {
	case typ == 4:
		return c.llc()
	case typ < minEtherType:
		return c.not(kindEtherType | kind(typ))
	}
	return c.etherType(typ)
}

// loopback reads the 4-byte address family of the BSD loopback: in the byte
// order of the machine that captured (NULL) or in network order (LOOP).
func (c *cursor) loopback() verdict { return c.familyFirst(4) }

// familyFirst passes a header of so many bytes that begins with a 4-byte address family.
// Families are small, so both byte orders can be told apart by looking.
func (c *cursor) familyFirst(size int) verdict {
	h := c.take(size)
	if h == nil {
		return tooShort
	}
	family := binary.LittleEndian.Uint32(h)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(h)
	}
	return c.family(family)
}

// family checks for IP after an address family of some system.
func (c *cursor) family(family uint32) verdict {
	switch family {
	case 2: // AF_INET everywhere
		return c.ip(4)
	case 10, 24, 26, 28, 30: // AF_INET6 of Linux, NetBSD and OpenBSD, Solaris, FreeBSD, Darwin
		return c.ip(6)
	}
	return c.not(kindLoopback)
}

// trim removes what stands behind the IP packet (Ethernet pads frames to 60
// bytes) using the length in the IP header. orig is the length on the wire
// without link header. A length of 0 in the header is left by segmentation
// offload and says nothing.
func trim(ip []byte, orig int) (data []byte, origLen int) {
	total := 0
	switch {
	case ip[0]>>4 == 4 && len(ip) >= 20:
		if n := int(binary.BigEndian.Uint16(ip[2:])); n >= 20 {
			total = n
		}
	case ip[0]>>4 == 6 && len(ip) >= 40:
		if n := int(binary.BigEndian.Uint16(ip[4:])); n > 0 {
			total = 40 + n
		}
	}
	if total > 0 && total < orig {
		orig = total
	}
	if len(ip) > orig {
		ip = ip[:orig]
	}
	return ip, orig
}
