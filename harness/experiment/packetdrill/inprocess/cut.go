package inprocess

import (
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// cut makes of a TCP segment that is longer than the MTU those that a sender would have
// sent: a kernel takes the large one from its TUN, where netstack's link does not. Other
// packets stay whole.
func cut(p []byte, mtu int) [][]byte {
	at, ok := tcpAt(p)
	if !ok || len(p) <= mtu {
		return [][]byte{p}
	}
	tcp := header.TCP(p[at:])
	body := at + int(tcp.DataOffset())
	room := mtu - body
	if body > len(p) || room <= 0 {
		return [][]byte{p}
	}
	var all [][]byte
	for done := 0; body+done < len(p); done += room {
		data := p[body+done : min(body+done+room, len(p))]
		q := append(append(make([]byte, 0, body+len(data)), p[:body]...), data...)
		t := header.TCP(q[at:])
		t.SetSequenceNumber(tcp.SequenceNumber() + uint32(done))
		if body+done+len(data) < len(p) {
			t.SetFlags(uint8(t.Flags() &^ (header.TCPFlagFin | header.TCPFlagPsh)))
		}
		finish(q, at)
		all = append(all, q)
	}
	return all
}

// tcpAt is where the TCP header of a packet begins.
func tcpAt(p []byte) (int, bool) {
	at := 0
	switch {
	case len(p) >= header.IPv4MinimumSize && p[0]>>4 == 4 && header.IPv4(p).Protocol() == uint8(header.TCPProtocolNumber):
		at = int(header.IPv4(p).HeaderLength())
	case len(p) >= header.IPv6MinimumSize && p[0]>>4 == 6 && header.IPv6(p).NextHeader() == uint8(header.TCPProtocolNumber):
		at = header.IPv6MinimumSize
	default:
		return 0, false
	}
	return at, len(p) >= at+header.TCPMinimumSize
}

// finish sets the lengths and checksums of a packet.
func finish(p []byte, at int) {
	t := header.TCP(p[at:])
	var sum uint16
	if p[0]>>4 == 4 {
		ip := header.IPv4(p)
		ip.SetTotalLength(uint16(len(p)))
		ip.SetChecksum(0)
		ip.SetChecksum(^ip.CalculateChecksum())
		sum = header.PseudoHeaderChecksum(header.TCPProtocolNumber, ip.SourceAddress(), ip.DestinationAddress(), uint16(len(t)))
	} else {
		ip := header.IPv6(p)
		ip.SetPayloadLength(uint16(len(p) - header.IPv6MinimumSize))
		sum = header.PseudoHeaderChecksum(header.TCPProtocolNumber, ip.SourceAddress(), ip.DestinationAddress(), uint16(len(t)))
	}
	t.SetChecksum(0)
	t.SetChecksum(^checksum.Checksum(t, sum))
}
