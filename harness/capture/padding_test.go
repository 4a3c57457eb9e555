package capture

import (
	"encoding/binary"
	"testing"

	"lastack/stack/segment"
)

// short is an IPv4 packet of a segment with so many bytes of options and this payload.
func short(flags segment.Flags, seq uint32, options int, payload ...byte) Packet {
	b := make([]byte, 40+options, 64)
	b[0], b[8], b[9] = 0x45, 64, 6
	copy(b[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(b[20:], 40000)
	binary.BigEndian.PutUint16(b[22:], 443)
	binary.BigEndian.PutUint32(b[24:], seq)
	b[32], b[33] = byte(20+options)/4<<4, byte(flags)
	for i := range options {
		b[40+i] = 1 // NOP
	}
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return Packet{Data: b, OrigLen: len(b)}
}

// TestPadding: zeros behind a short packet are no data, though its length counts them;
// what an application wrote is.
func TestPadding(t *testing.T) {
	zeros := make([]byte, 8)
	for name, tt := range map[string]struct {
		packet Packet
		want   int
	}{
		"ACK, up to 46":        {short(segment.ACK, 1, 0, zeros[:6]...), 0},
		"ACK, up to 42":        {short(segment.ACK, 1, 0, zeros[:2]...), 0},
		"FIN":                  {short(segment.ACK|segment.FIN, 1, 0, zeros[:6]...), 0},
		"SYN+ACK with an MSS":  {short(segment.ACK|segment.SYN, 1, 4, zeros[:2]...), 0},
		"a keep-alive probe":   {short(segment.ACK, 1, 0, 0), 1},
		"of an application":    {short(segment.ACK|segment.PSH, 1, 0, zeros[:4]...), 4},
		"urgent":               {short(segment.ACK|segment.URG, 1, 0, zeros[:4]...), 4},
		"not zeros":            {short(segment.ACK, 1, 0, 0, 0, 0, 7), 4},
		"more than the least":  {short(segment.ACK, 1, 0, zeros[:7]...), 7},
		"with long options":    {short(segment.ACK, 1, 12, zeros[:4]...), 4},
		"cut off by a snaplen": {Packet{Data: short(segment.ACK, 1, 0, zeros[:6]...).Data[:42], OrigLen: 46}, 6},
	} {
		segments := NewSegments(&packetList{packets: []Packet{tt.packet}}, SegmentsConfig{})
		_, s, err := segments.Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.PayloadLen != tt.want {
			t.Errorf("%s: %d bytes of data, want %d", name, s.PayloadLen, tt.want)
		}
	}
}
