package capture

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// EtherTypes (IEEE 802 numbers).
const (
	etherIPv4  = 0x0800
	etherIPv6  = 0x86dd
	etherVLAN  = 0x8100 // 802.1Q
	etherQinQ  = 0x88a8 // 802.1ad
	etherQinQ1 = 0x9100 // what was used before 802.1ad
)

// Link types pcapgo's layers does not name: what LINKTYPE_RAW is called inside
// the kernels of most systems (12) and of OpenBSD (14). Old files have them.
const (
	linkRaw12 layers.LinkType = 12
	linkRaw14 layers.LinkType = 14
)

// verdict is what became of a record's link header.
type verdict uint8

const (
	isIP        verdict = iota
	notIP               // another protocol, or IP whose version contradicts the link header
	tooShort            // the record ends before the IP packet starts
	unknownLink         // no code here for this link type
)

// knownLink reports whether strip has code for a link type.
func knownLink(link layers.LinkType) bool {
	_, _, v := strip(link, nil)
	return v != unknownLink
}

// strip returns where the IP packet starts in a captured record, and the
// direction where the link header holds one.
func strip(link layers.LinkType, b []byte) (start int, dir Direction, v verdict) {
	switch link {
	case layers.LinkTypeEthernet:
		start, v = stripEthernet(b)
	case layers.LinkTypeLinuxSLL:
		return stripCooked(b, 16, 14, 1)
	case layers.LinkTypeLinuxSLL2:
		return stripCooked(b, 20, 0, 10)
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		start, v = stripLoopback(b)
	case layers.LinkTypeRaw, linkRaw12, linkRaw14:
		v = checkVersion(b, 0)
	case layers.LinkTypeIPv4:
		v = checkVersion(b, 4)
	case layers.LinkTypeIPv6:
		v = checkVersion(b, 6)
	default:
		v = unknownLink
	}
	return start, DirectionUnknown, v
}

// checkVersion looks at the first byte of what should be an IP packet; a
// version of 0 allows both.
func checkVersion(b []byte, version byte) verdict {
	if len(b) == 0 {
		return tooShort
	}
	got := b[0] >> 4
	if got != 4 && got != 6 || version != 0 && got != version {
		return notIP
	}
	return isIP
}

func stripEthernet(b []byte) (int, verdict) {
	if len(b) < 14 {
		return 0, tooShort
	}
	n, v := stripEtherType(binary.BigEndian.Uint16(b[12:]), b[14:])
	return 14 + n, v
}

// stripEtherType skips VLAN tags, however many, and checks for IP. The type is
// the one before b.
func stripEtherType(typ uint16, b []byte) (start int, v verdict) {
	for typ == etherVLAN || typ == etherQinQ || typ == etherQinQ1 {
		if len(b) < start+4 {
			return 0, tooShort
		}
		typ = binary.BigEndian.Uint16(b[start+2:])
		start += 4
	}
	switch typ {
	case etherIPv4:
		return start, checkVersion(b[start:], 4)
	case etherIPv6:
		return start, checkVersion(b[start:], 6)
	}
	return 0, notIP
}

// stripCooked reads a Linux "cooked" header of the given size: the protocol is
// at typeAt; the packet type, or the low byte of it, is at kindAt.
func stripCooked(b []byte, size, typeAt, kindAt int) (int, Direction, verdict) {
	if len(b) < size {
		return 0, DirectionUnknown, tooShort
	}
	dir := Incoming
	if b[kindAt] == 4 { // LINUX_SLL_OUTGOING
		dir = Outgoing
	}
	n, v := stripEtherType(binary.BigEndian.Uint16(b[typeAt:]), b[size:])
	return size + n, dir, v
}

// stripLoopback reads the 4-byte address family of the BSD loopback: in the
// byte order of the machine that captured (NULL) or in network order (LOOP).
// Families are small, so both orders can be told apart by looking.
func stripLoopback(b []byte) (int, verdict) {
	if len(b) < 4 {
		return 0, tooShort
	}
	family := binary.LittleEndian.Uint32(b)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(b)
	}
	switch family {
	case 2: // AF_INET everywhere
		return 4, checkVersion(b[4:], 4)
	case 10, 24, 28, 30: // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin
		return 4, checkVersion(b[4:], 6)
	}
	return 0, notIP
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
