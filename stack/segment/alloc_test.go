package segment

import "testing"

// TestParseAllocatesNothing: reading a segment with every option, and changing it in
// place.
func TestParseAllocatesNothing(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		b, _ := everything(v6)
		n := testing.AllocsPerRun(100, func() {
			s, err := Parse(b)
			if err != nil || !s.ChecksumOK(b) {
				t.Errorf("%v, checksum right: %v", err, s.ChecksumOK(b))
			}
			s.SetTSEcr(b, s.TSEcr+1)
			s.ShiftSeq(b, 1)
			s.ShiftAck(b, 1)
		})
		if n != 0 {
			t.Errorf("v6 %v: a segment allocates %v times", v6, n)
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	_, s := everything(false)
	room, payload := make([]byte, 0, 200), []byte("payload")
	if n := testing.AllocsPerRun(100, func() { room = Append(room[:0], &s, payload) }); n != 0 {
		t.Errorf("a segment is written with %v allocations, with room for it", n)
	}
}
