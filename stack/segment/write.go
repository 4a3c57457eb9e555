package segment

import (
	"encoding/binary"
)

// Append writes s as a whole IP packet with payload behind dst, checksums and
// lengths filled in; the fields PayloadLen, TCPStart and PayloadStart of s are
// not consulted. TTL (hop limit) is 64 and IPv4's don't-fragment is set. The
// options are laid out as Linux lays them out, so timestamps stand aligned.
func Append(dst []byte, s *Segment, payload []byte) []byte {
	start := len(dst)
	dst = s.appendIP(dst)
	tcpAt := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, s.Src.Port)
	dst = binary.BigEndian.AppendUint16(dst, s.Dst.Port)
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.Seq))
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.Ack))
	dst = append(dst, 0, byte(s.Flags))
	dst = binary.BigEndian.AppendUint16(dst, s.Window)
	dst = append(dst, 0, 0, 0, 0) // checksum, urgent pointer
	dst = s.appendOptions(dst)
	dst[tcpAt+12] = byte((len(dst)-tcpAt)/4) << 4
	dst = append(dst, payload...)
	s.finishIP(dst[start:], tcpAt-start)
	tcp := dst[tcpAt:]
	binary.BigEndian.PutUint16(tcp[16:], ^fold(s.pseudoHeader(len(tcp))+sum(tcp)))
	return dst
}

func (s *Segment) appendIP(dst []byte) []byte {
	if s.Version == 6 {
		dst = append(dst, 0x60, 0, 0, 0, 0, 0, protocolTCP, 64)
		dst = append(dst, s.Src.Addr[:]...)
		return append(dst, s.Dst.Addr[:]...)
	}
	dst = append(dst, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocolTCP, 0, 0)
	dst = append(dst, s.Src.Addr[12:]...)
	return append(dst, s.Dst.Addr[12:]...)
}

// finishIP fills in the lengths, now that they are known, and IPv4's checksum.
func (s *Segment) finishIP(packet []byte, headerLen int) {
	if s.Version == 6 {
		binary.BigEndian.PutUint16(packet[4:], uint16(len(packet)-headerLen))
		return
	}
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	binary.BigEndian.PutUint16(packet[10:], ^fold(sum(packet[:headerLen])))
}

func (s *Segment) appendOptions(dst []byte) []byte {
	if s.MSS != 0 {
		dst = append(dst, optMSS, 4)
		dst = binary.BigEndian.AppendUint16(dst, s.MSS)
	}
	// Each option is padded to four bytes. Of these two, either fills the other's gap, as with
	// Linux and netstack.
	if s.SACKPermitted && !s.HasTimestamps {
		dst = append(dst, optNop, optNop)
	}
	if s.SACKPermitted {
		dst = append(dst, optSACKPerm, 2)
	}
	if s.HasTimestamps {
		if !s.SACKPermitted {
			dst = append(dst, optNop, optNop)
		}
		dst = append(dst, optTimestamps, 10)
		dst = binary.BigEndian.AppendUint32(dst, s.TSVal)
		dst = binary.BigEndian.AppendUint32(dst, s.TSEcr)
	}
	if s.HasWindowScale {
		dst = append(dst, optNop, optScale, 3, s.WindowScale)
	}
	if s.SACKCount > 0 {
		dst = append(dst, optNop, optNop, optSACK, 2+8*s.SACKCount)
		for _, b := range s.SACKBlocks[:s.SACKCount] {
			dst = binary.BigEndian.AppendUint32(dst, uint32(b.Start))
			dst = binary.BigEndian.AppendUint32(dst, uint32(b.End))
		}
	}
	return s.appendFastOpen(dst)
}

// WriteChecksum puts the checksum into a whole packet, as of one that is
// unfinished. A packet cut short stays as it is.
func (s *Segment) WriteChecksum(packet []byte) {
	end := s.PayloadStart + s.PayloadLen
	if len(packet) < end {
		return
	}
	tcp := packet[s.TCPStart:end]
	tcp[16], tcp[17] = 0, 0
	binary.BigEndian.PutUint16(tcp[16:], ^fold(s.pseudoHeader(len(tcp))+sum(tcp)))
}

// ChecksumOK reports whether the TCP checksum of a whole packet is right
// (RFC 9293 3.1). A packet cut short cannot be judged and gives false.
func (s *Segment) ChecksumOK(packet []byte) bool {
	end := s.PayloadStart + s.PayloadLen
	if len(packet) < end {
		return false
	}
	tcp := packet[s.TCPStart:end]
	return fold(s.pseudoHeader(len(tcp))+sum(tcp)) == 0xffff
}

// pseudoHeader is the sum over addresses, protocol and length that the TCP
// checksum covers besides the segment itself.
func (s *Segment) pseudoHeader(tcpLen int) uint64 {
	n := uint64(protocolTCP) + uint64(tcpLen)
	if s.Version == 6 {
		return n + sum(s.Src.Addr[:]) + sum(s.Dst.Addr[:])
	}
	return n + sum(s.Src.Addr[12:]) + sum(s.Dst.Addr[12:])
}

// sum adds up b as big-endian 16-bit words, a last odd byte padded with zero. It takes eight
// bytes at a time where it can, whose halves have the same sum once the carries are folded.
func sum(b []byte) uint64 {
	var n uint64
	for ; len(b) >= 8; b = b[8:] {
		w := binary.BigEndian.Uint64(b)
		n += w>>32 + w&0xffffffff
	}
	for ; len(b) >= 2; b = b[2:] {
		n += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		n += uint64(b[0]) << 8
	}
	return n
}

// fold adds the carries back in until 16 bits are left (RFC 1071 1).
func fold(n uint64) uint16 {
	for n > 0xffff {
		n = n>>16 + n&0xffff
	}
	return uint16(n)
}
