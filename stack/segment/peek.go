package segment

import "encoding/binary"

// Peek reads the addresses and ports of a TCP segment, and nothing else. It reports false
// for what is none, and for what takes more than a look: fragments, IPv6 with extension
// headers, and packets that were cut before the ports end. It is for who has to know which
// connection a packet belongs to, and no more.
func Peek(b []byte, t *Tuple) bool {
	switch {
	case len(b) >= 24 && b[0]>>4 == 4:
		header := int(b[0]&15) * 4
		if b[9] != 6 || header < 20 || len(b) < header+4 || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
			return false
		}
		mapInto(&t.Src.Addr, b[12:16])
		mapInto(&t.Dst.Addr, b[16:20])
		b = b[header:]
	case len(b) >= 44 && b[0]>>4 == 6:
		if b[6] != 6 {
			return false
		}
		copy(t.Src.Addr[:], b[8:24])
		copy(t.Dst.Addr[:], b[24:40])
		b = b[40:]
	default:
		return false
	}
	t.Src.Port, t.Dst.Port = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	return true
}
