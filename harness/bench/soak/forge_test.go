package soak

import (
	"math"
	"math/rand/v2"
	"testing"

	"lastack/stack/segment"
)

// TestForgeriesAreRefusable: no forged segment is one that TCP has to believe,
// wherever on the circle of sequence numbers the stream lies.
func TestForgeriesAreRefusable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	seen := make(map[string]bool)
	for range 200_000 {
		n := &target{
			numbers: numbers{client: segment.Seq(r.Uint32()), server: segment.Seq(r.Uint32()), stamps: true, tsval: 7},
			size:    1 + r.Int64N(200_000), serverFirst: r.IntN(5) == 0,
		}
		s, payload, name := forge(r, n)
		seen[name] = true
		s.PayloadLen = len(payload)
		// Offsets from the ISN: the stream is from 0 to end, where RCV.NXT is at last.
		begin, end := int64(uint32(s.Seq-n.client)), n.size+2
		if begin <= end || begin+int64(s.Len()) > math.MaxUint32 {
			t.Fatalf("%s at %d of %d reaches into the stream", name, begin, n.size)
		}
		if d := int64(uint32(s.Ack - n.server)); s.Flags.Has(segment.ACK) && d > 0 && d <= n.size+2 {
			t.Fatalf("%s acknowledges %d of %d bytes", name, d, n.size)
		}
		if future := s.HasTimestamps && s.TSVal > n.tsval; future && begin > end+reach {
			t.Fatalf("%s has a timestamp from the future, %d beyond the stream", name, begin-end)
		}
		if n.serverFirst && s.Len() > 0 && !s.Flags.Has(segment.SYN) && begin < math.MaxUint32-reach-margin {
			t.Fatalf("%s at %d ends a connection that the server has closed", name, begin)
		}
	}
	if want := len(forgeries)*int(places) - 2; len(seen) != want {
		t.Errorf("%d kinds were forged, want %d: %v", len(seen), want, seen)
	}
}
