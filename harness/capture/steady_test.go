package capture

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// stampedAt is a capture with packets at these times in microseconds since 1970, as 64 bits hold them.
func stampedAt(t *testing.T, times ...uint64) []byte {
	o := binary.LittleEndian
	file := join(sectionBlock(o), interfaceWith(o, 0))
	for _, us := range times {
		file = append(file, stamped(o, us, unhex(t, synHex))...)
	}
	return file
}

// TestLeapOfOnePacket: the time of a single packet that is far off is that of the packet
// before, and a leap that the next packet does not take back stays.
func TestLeapOfOnePacket(t *testing.T) {
	const s, day = uint64(1e6), uint64(24 * 60 * 60 * 1e6)
	for name, tt := range map[string]struct{ times, want []uint64 }{
		"ahead":          {[]uint64{9 * day, 90 * day, 9*day + 2*s}, []uint64{9 * day, 9 * day, 9*day + 2*s}},
		"behind":         {[]uint64{9 * day, 1, 9*day + 2*s}, []uint64{9 * day, 9 * day, 9*day + 2*s}},
		"twice":          {[]uint64{9 * day, 90 * day, 9*day + s, 1, 9*day + s}, []uint64{9 * day, 9 * day, 9*day + s, 9*day + s, 9*day + s}},
		"a gap":          {[]uint64{9 * day, 90 * day, 90*day + s, 91 * day}, []uint64{9 * day, 90 * day, 90*day + s, 91 * day}},
		"two off":        {[]uint64{9 * day, 90 * day, 90 * day, 9 * day}, []uint64{9 * day, 90 * day, 90 * day, 9 * day}},
		"the last":       {[]uint64{9 * day, 90 * day}, []uint64{9 * day, 90 * day}},
		"gaps":           {[]uint64{9 * day, 20 * day, 30 * day, 40 * day}, []uint64{9 * day, 20 * day, 30 * day, 40 * day}},
		"less than that": {[]uint64{9 * day, 10 * day, 9 * day}, []uint64{9 * day, 10 * day, 9 * day}},
		"the first":      {[]uint64{90 * day, 9 * day, 9 * day}, []uint64{90 * day, 9 * day, 9 * day}},
	} {
		r, all := mustRead(t, stampedAt(t, tt.times...))
		leaps := 0
		for i := range tt.want {
			p := all[i]
			if !p.Time.Equal(time.UnixMicro(int64(tt.want[i]))) {
				t.Errorf("%s: packet %d at %v, want %v", name, i+1, p.Time, time.UnixMicro(int64(tt.want[i])).UTC())
			}
			if recorded := p.Recorded; recorded != nil {
				leaps++
				if !recorded.Equal(time.UnixMicro(int64(tt.times[i]))) {
					t.Errorf("%s: packet %d was recorded at %v", name, i+1, recorded)
				}
			}
			if !bytes.Equal(p.Data, unhex(t, synHex)) {
				t.Errorf("%s: packet %d is % x", name, i+1, p.Data)
			}
		}
		if r.Skipped().Leaps != leaps || r.Records() != len(tt.times) || len(all) != len(tt.times) {
			t.Errorf("%s: %d packets, %d records, %d leaps, skipped %+v", name, len(all), r.Records(), leaps, r.Skipped())
		}
	}
}

// TestRecordedIsWritten: who copies packets copies their times.
func TestRecordedIsWritten(t *testing.T) {
	const day = uint64(24 * 60 * 60 * 1e6)
	_, all := mustRead(t, stampedAt(t, 9*day, 90*day, 9*day))
	var copied bytes.Buffer
	w, err := NewWriter(&copied, WriterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, again := mustRead(t, copied.Bytes()); again[1].Recorded == nil || !again[1].Recorded.Equal(*all[1].Recorded) {
		t.Errorf("a copy has %v", again[1])
	}
}

// TestTimesOutOfRange: negative times are before 1970, and one that cannot be written down
// is none.
func TestTimesOutOfRange(t *testing.T) {
	o := binary.LittleEndian
	for _, tt := range []struct {
		resolution byte
		offset     int64
		ts         uint64
		want       time.Time
	}{
		{6, 0, 18446744073204126329, time.UnixMicro(-505425287)}, // as Wireshark shows it: the year 586523
		{9, 0, 1<<64 - 1, time.Unix(0, -1)},
		{0x80 | 1, 0, 1<<64 - 3, time.Unix(-1, -5e8)},
		{0, 0, 1<<64 - 9, time.Unix(-9, 0)},
		{6, 0, 1<<63 - 1, time.Time{}},
		{6, 0, 1 << 63, time.Time{}},
		{0, 0, 253_402_300_799, time.Unix(253_402_300_799, 0)},
		{0, 0, 253_402_300_800, time.Time{}},
		{6, 253_402_300_800, 0, time.Time{}},
		{6, -63_000_000_000, 0, time.Time{}},
	} {
		i := interfaceWith(o, 0, option(o, 9, []byte{tt.resolution}), option(o, 14, o.AppendUint64(nil, uint64(tt.offset))))
		_, all := mustRead(t, join(sectionBlock(o), i, stamped(o, tt.ts, unhex(t, synHex))))
		if !all[0].Time.Equal(tt.want) {
			t.Errorf("timestamp %d in units of %#x from %d: %v, want %v", tt.ts, tt.resolution, tt.offset, all[0].Time, tt.want.UTC())
		}
		if _, err := all[0].Time.MarshalJSON(); err != nil {
			t.Errorf("timestamp %d: %v", tt.ts, err)
		}
	}
}
