package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// ErrProtocol is what Parse fails with on a packet that is neither TCP nor ICMP.
var ErrProtocol = errors.New("neither TCP nor ICMP")

// Parse reads an IP packet, which is TCP or ICMP: the other result is nil. Both point into
// the packet. IPv6's extension headers and IP fragments are not understood.
func Parse(p []byte) (*TCP, *ICMP, error) {
	h, protocol, body, err := parseIP(p)
	if err != nil {
		return nil, nil, err
	}
	switch protocol {
	case ProtocolTCP:
		t, err := parseTCP(h, body)
		return t, nil, err
	case ProtocolICMP, ProtocolICMPv6:
		if len(body) < 8 {
			return nil, nil, fmt.Errorf("an ICMP message of %d bytes; the header has 8", len(body))
		}
		m := &ICMP{IP: h, Type: body[0], Code: body[1], Rest: binary.BigEndian.Uint32(body[4:]), Body: body[8:]}
		return nil, m, nil
	}
	return nil, nil, ErrProtocol
}

func parseIP(p []byte) (h IP, protocol uint8, body []byte, err error) {
	switch {
	case len(p) >= ipv4Len && p[0]>>4 == 4:
		start, total := int(p[0]&15)*4, int(binary.BigEndian.Uint16(p[2:]))
		if start < ipv4Len || total < start || total > len(p) {
			return h, 0, nil, fmt.Errorf("an IPv4 header with lengths %d and %d in a packet of %d bytes", start, total, len(p))
		}
		h = IP{TOS: p[1], TTL: p[8], Src: netip.AddrFrom4([4]byte(p[12:])), Dst: netip.AddrFrom4([4]byte(p[16:]))}
		return h, p[9], p[start:total], nil
	case len(p) >= ipv6Len && p[0]>>4 == 6:
		total := ipv6Len + int(binary.BigEndian.Uint16(p[4:]))
		if total > len(p) {
			return h, 0, nil, fmt.Errorf("an IPv6 header with a length of %d in a packet of %d bytes", total, len(p))
		}
		first := binary.BigEndian.Uint32(p)
		h = IP{
			TOS: uint8(first >> 20), FlowLabel: first & 0xfffff, TTL: p[7],
			Src: netip.AddrFrom16([16]byte(p[8:])), Dst: netip.AddrFrom16([16]byte(p[24:])),
		}
		return h, p[6], p[ipv6Len:total], nil
	}
	return h, 0, nil, fmt.Errorf("%d bytes that are no IP packet", len(p))
}

func parseTCP(h IP, b []byte) (*TCP, error) {
	if len(b) < tcpLen {
		return nil, fmt.Errorf("a TCP segment of %d bytes; the header has %d", len(b), tcpLen)
	}
	start := int(b[12]>>4) * 4
	if start < tcpLen || start > len(b) {
		return nil, fmt.Errorf("a TCP header of %d bytes in a segment of %d", start, len(b))
	}
	t := &TCP{
		IP: h, SrcPort: binary.BigEndian.Uint16(b), DstPort: binary.BigEndian.Uint16(b[2:]),
		Seq: binary.BigEndian.Uint32(b[4:]), Ack: binary.BigEndian.Uint32(b[8:]),
		Flags:  uint16(b[12]&1)<<8 | uint16(b[13]),
		Window: binary.BigEndian.Uint16(b[14:]), Urgent: binary.BigEndian.Uint16(b[18:]),
		Payload: b[start:], Checksum: fold(h.pseudo(ProtocolTCP, len(b))+sum(b)) == 0xffff,
	}
	var err error
	t.Options, err = parseOptions(b[tcpLen:start])
	return t, err
}

func parseOptions(b []byte) (all []Option, err error) {
	for len(b) > 0 {
		if b[0] <= 1 {
			all, b = append(all, Option{Kind: b[0]}), b[1:]
			continue
		}
		if len(b) < 2 || int(b[1]) < 2 || int(b[1]) > len(b) {
			return all, fmt.Errorf("TCP option %d has no length that fits", b[0])
		}
		all, b = append(all, Option{Kind: b[0], Data: b[2:b[1]]}), b[b[1]:]
	}
	return all, nil
}
