package packet

import "encoding/binary"

// ICMP is a message of ICMP, or of ICMPv6 where the addresses are IPv6's.
type ICMP struct {
	IP
	Type, Code uint8
	// Rest is the second word: the next hop's MTU, or the identifier of an echo above it.
	Rest uint32
	Body []byte
}

// Append writes the packet behind dst.
func (m *ICMP) Append(dst []byte) ([]byte, error) {
	body := []byte{m.Type, m.Code, 0, 0}
	body = binary.BigEndian.AppendUint32(body, m.Rest)
	body = append(body, m.Body...)
	protocol, s := uint8(ProtocolICMP), sum(body)
	if !m.Src.Is4() {
		protocol = ProtocolICMPv6
		s += m.pseudo(protocol, len(body))
	}
	binary.BigEndian.PutUint16(body[2:], ^fold(s))
	return m.IP.append(dst, protocol, body)
}
