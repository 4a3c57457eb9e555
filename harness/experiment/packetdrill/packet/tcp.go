package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Protocol numbers of IP.
const (
	ProtocolTCP    = 6
	ProtocolICMP   = 1
	ProtocolICMPv6 = 58
)

// IP is what a script may say of an IP header.
type IP struct {
	Src, Dst netip.Addr
	// TOS is the type of service or traffic class, TTL the hop limit too.
	TOS, TTL uint8
	// FlowLabel is IPv6's.
	FlowLabel uint32
}

// Option is a TCP option; those of kind 0 and 1 (RFC 9293, section 3.1) have no Data.
type Option struct {
	Kind uint8
	// Data is what follows kind and length.
	Data []byte
}

// TCP is a segment.
type TCP struct {
	IP
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	// Flags are nine bits: FIN is 1, AE is 256.
	Flags    uint16
	Window   uint16
	Urgent   uint16
	Options  []Option
	Payload  []byte
	Checksum bool // as Parse found it: whether it is right
}

// ErrOptions is what a segment with more than 40 bytes of options fails with.
var ErrOptions = errors.New("more than 40 bytes of TCP options")

const (
	ipv4Len, ipv6Len, tcpLen = 20, 40, 20
	maxOptions               = 40
	maxPacket                = 1<<16 - 1
)

// Append writes the packet behind dst, with lengths and checksums. Options are padded with
// zeros, which end the list, to a multiple of four bytes.
func (t *TCP) Append(dst []byte) ([]byte, error) {
	options, err := appendOptions(nil, t.Options)
	if err != nil {
		return nil, err
	}
	body := binary.BigEndian.AppendUint16(nil, t.SrcPort)
	body = binary.BigEndian.AppendUint16(body, t.DstPort)
	body = binary.BigEndian.AppendUint32(body, t.Seq)
	body = binary.BigEndian.AppendUint32(body, t.Ack)
	body = append(body, byte((tcpLen+len(options))/4)<<4|byte(t.Flags>>8&1), byte(t.Flags))
	body = binary.BigEndian.AppendUint16(body, t.Window)
	body = append(body, 0, 0)
	body = binary.BigEndian.AppendUint16(body, t.Urgent)
	body = append(append(body, options...), t.Payload...)
	binary.BigEndian.PutUint16(body[16:], ^fold(t.pseudo(ProtocolTCP, len(body))+sum(body)))
	return t.IP.append(dst, ProtocolTCP, body)
}

func appendOptions(dst []byte, options []Option) ([]byte, error) {
	for _, o := range options {
		if o.Kind <= 1 {
			dst = append(dst, o.Kind)
			continue
		}
		dst = append(append(dst, o.Kind, byte(2+len(o.Data))), o.Data...)
		if len(dst) > maxOptions {
			return nil, ErrOptions
		}
	}
	for len(dst)%4 != 0 {
		dst = append(dst, 0)
	}
	if len(dst) > maxOptions {
		return nil, ErrOptions
	}
	return dst, nil
}

// append writes an IP header and what it carries.
func (h *IP) append(dst []byte, protocol uint8, body []byte) ([]byte, error) {
	if len(body) > maxPacket-ipv4Len {
		return nil, fmt.Errorf("a packet of %d bytes; IP has room for %d", len(body)+ipv4Len, maxPacket)
	}
	if h.Src.Is4() {
		at := len(dst)
		dst = append(dst, 0x45, h.TOS)
		dst = binary.BigEndian.AppendUint16(dst, uint16(ipv4Len+len(body)))
		dst = append(dst, 0, 0, 0x40, 0, h.TTL, protocol, 0, 0)
		dst = append(append(dst, h.Src.AsSlice()...), h.Dst.AsSlice()...)
		binary.BigEndian.PutUint16(dst[at+10:], ^fold(sum(dst[at:])))
		return append(dst, body...), nil
	}
	dst = binary.BigEndian.AppendUint32(dst, 6<<28|uint32(h.TOS)<<20|h.FlowLabel&0xfffff)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(body)))
	dst = append(dst, protocol, h.TTL)
	dst = append(append(dst, h.Src.AsSlice()...), h.Dst.AsSlice()...)
	return append(dst, body...), nil
}

// pseudo is the sum over the pseudo header (RFC 9293, section 3.1; RFC 8200, section 8.1).
func (h *IP) pseudo(protocol uint8, length int) uint64 {
	return sum(h.Src.AsSlice()) + sum(h.Dst.AsSlice()) + uint64(protocol) + uint64(length)
}

func sum(b []byte) (s uint64) {
	for ; len(b) >= 2; b = b[2:] {
		s += uint64(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

func fold(s uint64) uint16 {
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
