package capturetest

import "encoding/binary"

// linkTypes are the numbers of the links in a file.
var linkTypes = [...]uint32{
	Ethernet: 1, VLAN: 1, QinQ: 1, CookedV1: 113, CookedV2: 276, CookedVLAN: 276, RawIP: 101, Null: 0, Loop: 108,
}

// appendLink writes the link header of a packet as seen on one of two
// interfaces: the second is one hop further, behind a router.
func appendLink(b []byte, link Link, v6 bool, iface int, fromClient bool) []byte {
	typ, family := uint16(0x0800), uint32(2)
	if v6 {
		typ, family = 0x86dd, 30
	}
	mac := func(n byte) []byte { return []byte{2, 0, 0, 0, byte(iface), n} }
	var cooked byte // sent to us, or by us
	if fromClient == (iface == 1) {
		cooked = 4
	}
	u16 := binary.BigEndian.AppendUint16
	switch link {
	case Ethernet, VLAN, QinQ:
		to, from := mac(2), mac(1)
		if !fromClient {
			to, from = from, to
		}
		b = append(append(b, to...), from...)
		switch link {
		case VLAN:
			b = append(b, 0x81, 0, 0, 100)
		case QinQ:
			b = append(b, 0x88, 0xa8, 0, 100, 0x81, 0, 0, 200)
		}
		return u16(b, typ)
	case CookedV1:
		b = append(b, 0, cooked, 0, 1, 0, 6)
		return u16(append(append(b, mac(1)...), 0, 0), typ)
	case CookedV2:
		return appendCooked2(b, typ, iface, cooked)
	case CookedVLAN:
		return u16(append(appendCooked2(b, 0x8100, iface, cooked), 0, 100), typ)
	case Null:
		return binary.LittleEndian.AppendUint32(b, family)
	case Loop:
		return binary.BigEndian.AppendUint32(b, family)
	}
	return b
}

func appendCooked2(b []byte, typ uint16, iface int, cooked byte) []byte {
	b = binary.BigEndian.AppendUint16(b, typ)
	b = append(b, 0, 0, 0, 0, 0, byte(iface+2), 0, 1, cooked, 6)
	return append(b, 2, 0, 0, 0, byte(iface), 1, 0, 0)
}

// setID gives an IPv4 packet its identification.
func setID(packet []byte, id uint16) {
	if packet[0]>>4 == 4 {
		binary.BigEndian.PutUint16(packet[4:], id)
		sumHeader(packet)
	}
}

// lowerTTL does to a packet what a router does.
func lowerTTL(packet []byte) {
	if packet[0]>>4 == 6 {
		packet[7]--
		return
	}
	packet[8]--
	sumHeader(packet)
}

// sumHeader computes the checksum of an IPv4 header without options.
func sumHeader(packet []byte) {
	packet[10], packet[11] = 0, 0
	var n uint32
	for i := 0; i < 20; i += 2 {
		n += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	for n > 0xffff {
		n = n>>16 + n&0xffff
	}
	binary.BigEndian.PutUint16(packet[10:], ^uint16(n))
}

// fragments splits a packet for an MTU and calls each with the pieces in order;
// the slice is valid during the call.
func fragments(packet []byte, id uint16, mtu int, each func([]byte)) {
	if len(packet) <= mtu {
		each(packet)
		return
	}
	header, v6 := 20, packet[0]>>4 == 6
	if v6 {
		header = 40
	}
	body := packet[header:]
	for at := 0; at < len(body); {
		room := mtu - header
		if v6 {
			room -= 8
		}
		n := min(len(body)-at, room&^7)
		more := at+n < len(body)
		if v6 {
			each(fragment6(packet[:40], body[at:at+n], id, at, more))
		} else {
			each(fragment4(packet[:20], body[at:at+n], at, more))
		}
		at += n
	}
}

func fragment4(header, body []byte, at int, more bool) []byte {
	b := append(append([]byte(nil), header...), body...)
	field := uint16(at / 8)
	if more {
		field |= 0x2000
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[6:], field)
	sumHeader(b)
	return b
}

func fragment6(header, body []byte, id uint16, at int, more bool) []byte {
	b := append([]byte(nil), header...)
	b[6] = 44
	field := uint16(at)
	if more {
		field |= 1
	}
	b = append(b, header[6], 0)
	b = binary.BigEndian.AppendUint16(b, field)
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	b = append(b, body...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
	return b
}
