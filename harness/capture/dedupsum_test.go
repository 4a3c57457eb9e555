package capture

import (
	"testing"
	"time"

	"lastack/stack/segment"
)

// TestDedupBySum: with identification and checksum the same, a segment that takes room in
// sequence space is a copy up to 20 ms later at the same place, whatever lies between; what
// may be a retransmission is none.
func TestDedupBySum(t *testing.T) {
	const ms = time.Millisecond
	fin := segment.Segment{Tuple: tuple(t, "192.0.2.1:1000", "192.0.2.2:80"), Version: 4, Flags: segment.FIN | segment.ACK, Seq: 5, Ack: 6, Window: 7}
	rst, ack := fin, fin
	rst.Flags, rst.Seq = segment.RST|segment.ACK, 6
	ack.Flags = segment.ACK
	for name, tt := range map[string]struct {
		seg    segment.Segment
		id, to uint16 // of the second
		sum    byte   // added to the second's checksum
		at     time.Duration
		copy   bool
	}{
		"a FIN":                        {fin, 9, 9, 0, 11 * ms, true},
		"at the latest":                {fin, 9, 9, 0, 20 * ms, true},
		"later":                        {fin, 9, 9, 0, 21 * ms, false},
		"sent again":                   {fin, 9, 10, 0, 11 * ms, false},
		"another checksum":             {fin, 9, 9, 1, 11 * ms, false},
		"no identification":            {fin, 0, 0, 0, 11 * ms, false},
		"the same in all":              {fin, 1, 1, 0, 11 * ms, false},
		"an ACK that may be said anew": {ack, 9, 9, 0, 11 * ms, false},
	} {
		d := NewDedup(DedupConfig{})
		first, s := sighting{seg: tt.seg, id: tt.id}.packet(t)
		d.Duplicate(&first, &s)
		between, r := sighting{seg: rst, id: tt.id + 5, at: ms}.packet(t)
		d.Duplicate(&between, &r)
		second, s := sighting{seg: tt.seg, id: tt.to, at: tt.at}.packet(t)
		second.Data[s.TCPStart+17] += tt.sum
		if got := d.Duplicate(&second, &s); got != tt.copy {
			t.Errorf("%s: a copy %v, want %v", name, got, tt.copy)
		}
	}
}
