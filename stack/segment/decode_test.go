package segment

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What segmentation offload leaves without a length, and a capture has cut, is
// as long as it was on the wire; a length in the header goes before.
func TestDecodeLengths(t *testing.T) {
	s4 := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: PSH | ACK}
	s6 := Segment{Tuple: tupleOf("[fd77::1]:1", "[fd77::2]:2"), Version: 6, Flags: PSH | ACK}
	zero := func(s *Segment, at int) []byte {
		b := Append(nil, s, make([]byte, 50))
		b[at], b[at+1] = 0, 0
		return b
	}
	jumbo := func(n uint32) []byte {
		b := zero(&s6, 4)
		option := binary.BigEndian.AppendUint32([]byte{6, 0, 0xc2, 4}, n)
		b = append(append(append([]byte(nil), b[:40]...), option...), b[40:]...)
		b[6] = ExtHopByHop
		return b
	}
	for name, tt := range map[string]struct {
		b    []byte
		wire int
		want int
	}{
		"IPv4 by its header":       {Append(nil, &s4, make([]byte, 50)), 200_000, 50},
		"IPv6 by its header":       {Append(nil, &s6, make([]byte, 50)), 200_000, 50},
		"IPv4 of length 0":         {zero(&s4, 2), 200_000, 200_000 - 40},
		"IPv6 of length 0":         {zero(&s6, 4), 200_000, 200_000 - 60},
		"IPv4 of length 0, whole":  {zero(&s4, 2), 0, 50},
		"jumbo payload":            {jumbo(100_000), 200_000, 100_000 - 8 - 20},
		"jumbo payload of 0":       {jumbo(0), 200_000, 200_000 - 68},
		"jumbo payload too little": {jumbo(0xffff), 200_000, 200_000 - 68},
	} {
		for _, cut := range []int{len(tt.b), len(tt.b) - 20} {
			var s Segment
			if err := s.Decode(tt.b[:cut], max(tt.wire, len(tt.b))); err != nil || s.PayloadLen != tt.want {
				t.Errorf("%s: %d bytes of data, %v; want %d", name, s.PayloadLen, err, tt.want)
			}
		}
	}
}

// Nothing of one segment is left in the next.
func TestDecodeForgets(t *testing.T) {
	full := Segment{
		Tuple: tupleOf("[fd77::1]:1", "[fd77::2]:2"), Version: 6, Flags: SYN, Seq: 9, Ack: 8, Window: 7,
		Options: Options{MSS: 1, HasWindowScale: true, WindowScale: 3, SACKPermitted: true, HasTimestamps: true, TSVal: 5, TSEcr: 6},
	}
	bare := Append(nil, &Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: RST}, nil)
	want, err := Parse(bare)
	if err != nil {
		t.Fatal(err)
	}
	var s Segment
	for _, b := range [][]byte{Append(nil, &full, []byte("data")), bare} {
		if err := s.Decode(b, len(b)); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(want, s, parsed); d != "" {
		t.Error(d)
	}
	if s.SetTSEcr(bare, 1) {
		t.Error("the timestamps option of the segment before is still there")
	}
}

// Options are read as far as a snap length has left them.
func TestDecodeCutOptions(t *testing.T) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: SYN, Options: Options{MSS: 1460, HasTimestamps: true, TSVal: 7, HasWindowScale: true, WindowScale: 7}}
	b := Append(nil, &s, make([]byte, 100))
	for n := 40; n <= len(b); n++ {
		var got Segment
		if err := got.Decode(b[:n], len(b)); err != nil || got.PayloadLen != 100 {
			t.Fatalf("%d bytes: %v, %d bytes of data", n, err, got.PayloadLen)
		}
		if (got.MSS != 0) != (n >= 44) || got.HasTimestamps != (n >= 56) || got.HasWindowScale != (n >= 60) {
			t.Errorf("%d bytes: %+v", n, got.Options)
		}
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: ACK, Options: Options{HasTimestamps: true}}
	b := Append(nil, &s, make([]byte, 100))
	if n := testing.AllocsPerRun(100, func() { _ = s.Decode(b, len(b)) }); n != 0 {
		t.Errorf("Decode allocates %v times", n)
	}
}
