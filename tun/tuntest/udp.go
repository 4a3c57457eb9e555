package tuntest

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

const (
	udpProtocol = 17
	udpHeader   = 8
	hopLimit    = 64
)

// UDP returns an IP packet that carries one UDP datagram with correct checksums
// (RFC 768; RFC 791 or RFC 8200 by the addresses' family). The addresses must be
// of one family, and payload must fit a packet of 65535 bytes.
func UDP(src, dst netip.AddrPort, payload []byte) ([]byte, error) {
	length := udpHeader + len(payload)
	if src.Addr().Is4() != dst.Addr().Is4() || !src.IsValid() || !dst.IsValid() {
		return nil, fmt.Errorf("UDP packet from %v to %v: the addresses are not of one family", src, dst)
	}
	if length > 65535-HeaderLen(src.Addr())+udpHeader {
		return nil, fmt.Errorf("UDP packet from %v to %v: payload of %d bytes does not fit", src, dst, len(payload))
	}
	p := ipHeader(src.Addr(), dst.Addr(), length)
	h := len(p)
	p = binary.BigEndian.AppendUint16(p, src.Port())
	p = binary.BigEndian.AppendUint16(p, dst.Port())
	p = binary.BigEndian.AppendUint16(p, uint16(length))
	p = append(p, 0, 0)
	p = append(p, payload...)

	// The checksum covers a pseudo header: addresses, protocol, length.
	sum := sum16(uint32(udpProtocol)+uint32(length), src.Addr().AsSlice())
	sum = sum16(sum, dst.Addr().AsSlice())
	check := fold(sum16(sum, p[h:]))
	if check == 0 {
		check = 0xffff // 0 would mean that there is no checksum
	}
	binary.BigEndian.PutUint16(p[h+6:], check)
	return p, nil
}

// HeaderLen returns the length in bytes of the headers before the payload of a
// packet from UDP, IP and UDP together, for addresses of a's family.
func HeaderLen(a netip.Addr) int {
	if a.Is4() {
		return 20 + udpHeader
	}
	return 40 + udpHeader
}

func ipHeader(src, dst netip.Addr, length int) []byte {
	if src.Is6() {
		p := []byte{0x60, 0, 0, 0, byte(length >> 8), byte(length), udpProtocol, hopLimit}
		return append(append(p, src.AsSlice()...), dst.AsSlice()...)
	}
	total := length + 20
	p := []byte{0x45, 0, byte(total >> 8), byte(total), 0, 0, 0x40, 0, hopLimit, udpProtocol, 0, 0}
	p = append(append(p, src.AsSlice()...), dst.AsSlice()...)
	binary.BigEndian.PutUint16(p[10:], fold(sum16(0, p)))
	return p
}

// sum16 adds p as big-endian 16-bit words to sum (RFC 1071). 65535 bytes cannot
// overflow it.
func sum16(sum uint32, p []byte) uint32 {
	for ; len(p) >= 2; p = p[2:] {
		sum += uint32(p[0])<<8 | uint32(p[1])
	}
	if len(p) == 1 {
		sum += uint32(p[0]) << 8
	}
	return sum
}

// fold makes the ones' complement checksum of a sum.
func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
