package segment

import "encoding/binary"

// The methods of this file change a packet in place, and the Segment with it.
// They update the TCP checksum incrementally (RFC 1624 3): the payload is not
// read, so b may end after the TCP header. The checksum of an unfinished segment
// stays as it is, since it covers none of what changes.

// SetTSEcr writes a new TSecr into the packet s was parsed from. It reports
// false, and changes nothing, where the segment has no timestamps option.
func (s *Segment) SetTSEcr(b []byte, v uint32) bool {
	if !s.HasTimestamps || s.tsStart == 0 {
		return false
	}
	s.put32(b, s.tsStart+6, v)
	s.TSEcr = v
	return true
}

// StripTimestamps overwrites the timestamps option with padding (NOPs, RFC 9293
// 3.1), as if it had never been offered. It reports false, and changes nothing,
// where there is none.
func (s *Segment) StripTimestamps(b []byte) bool {
	if !s.HasTimestamps || s.tsStart == 0 {
		return false
	}
	var nops [10]byte
	for i := range nops {
		nops[i] = optNop
	}
	s.put(b, s.tsStart, nops[:])
	s.HasTimestamps, s.TSVal, s.TSEcr, s.tsStart = false, 0, 0, 0
	return true
}

// ShiftSeq adds d to the sequence number.
func (s *Segment) ShiftSeq(b []byte, d Seq) {
	s.Seq += d
	s.put32(b, s.TCPStart+4, uint32(s.Seq))
}

// ShiftAck adds d to everything that counts the other side's sequence numbers:
// the acknowledgment number, if there is one, and the SACK blocks.
func (s *Segment) ShiftAck(b []byte, d Seq) {
	if s.Flags.Has(ACK) {
		s.Ack += d
		s.put32(b, s.TCPStart+8, uint32(s.Ack))
	}
	for i := range s.SACKBlocks[:s.SACKCount] {
		block, at := &s.SACKBlocks[i], s.sackStart+2+8*i
		block.Start += d
		block.End += d
		s.put32(b, at, uint32(block.Start))
		s.put32(b, at+4, uint32(block.End))
	}
}

// SetAck writes another acknowledgment number; SACK blocks stay as they are.
func (s *Segment) SetAck(b []byte, v Seq) {
	s.put32(b, s.TCPStart+8, uint32(v))
	s.Ack = v
}

// SetSeq writes another sequence number.
func (s *Segment) SetSeq(b []byte, v Seq) {
	s.put32(b, s.TCPStart+4, uint32(v))
	s.Seq = v
}

// SetTSVal writes a new TSval into the packet. It reports false, and changes nothing,
// where the segment has no timestamps option.
func (s *Segment) SetTSVal(b []byte, v uint32) bool {
	if !s.HasTimestamps || s.tsStart == 0 {
		return false
	}
	s.put32(b, s.tsStart+2, v)
	s.TSVal = v
	return true
}

// ClearFlags takes flags out.
func (s *Segment) ClearFlags(b []byte, flags Flags) {
	s.Flags &^= flags
	s.put(b, s.TCPStart+12, []byte{b[s.TCPStart+12], byte(s.Flags)})
}

// SetFlags writes other flags.
func (s *Segment) SetFlags(b []byte, flags Flags) {
	s.Flags = flags
	s.put(b, s.TCPStart+12, []byte{b[s.TCPStart+12], byte(s.Flags)})
}

// CutPayload makes b, which ends with the TCP header, a packet without data: lengths and
// checksums are written anew.
func (s *Segment) CutPayload(b []byte) {
	s.PayloadLen = 0
	if s.Version == 6 {
		binary.BigEndian.PutUint16(b[4:], uint16(s.PayloadStart-lenIPv6))
	} else {
		binary.BigEndian.PutUint16(b[2:], uint16(s.PayloadStart))
		ip := b[:int(b[0]&0x0f)*4]
		ip[10], ip[11] = 0, 0
		binary.BigEndian.PutUint16(ip[10:], ^fold(sum(ip)))
	}
	s.Unfinished = false
	s.WriteChecksum(b)
}

func (s *Segment) put32(b []byte, at int, v uint32) {
	var word [4]byte
	binary.BigEndian.PutUint32(word[:], v)
	s.put(b, at, word[:])
}

// put overwrites an even number of bytes of the TCP header at an offset of the packet.
func (s *Segment) put(b []byte, at int, v []byte) {
	old := b[at : at+len(v)]
	if !s.Unfinished {
		fixChecksum(b[s.TCPStart+16:s.TCPStart+18], old, v, (at-s.TCPStart)%2 == 1)
	}
	copy(old, v)
}

// fixChecksum turns the checksum of data that held old into the checksum of
// data that holds new in the same place. odd tells that the place begins at an
// odd offset, where the bytes of each 16-bit word change roles.
func fixChecksum(xsum, old, new []byte, odd bool) {
	sum := uint32(^binary.BigEndian.Uint16(xsum))
	word := func(b []byte) uint32 {
		if odd {
			return uint32(b[1])<<8 | uint32(b[0])
		}
		return uint32(b[0])<<8 | uint32(b[1])
	}
	for i := 0; i < len(old); i += 2 {
		sum += uint32(^uint16(word(old[i:]))) + word(new[i:])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(xsum, ^uint16(sum))
}
