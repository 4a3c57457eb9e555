package teardowntest

import (
	"time"

	"lastack/harness/teardown"
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// FromBytes makes segments of one 4-tuple out of arbitrary bytes, six each, for
// fuzzing: mostly such as could follow what went before, in part nonsense. The
// records have no steps; Table.Add makes them.
func FromBytes(data []byte) []teardown.Record {
	p, _ := Parse("0 c SYN\n")
	end := [2]segment.Endpoint{p[0].Seg.Src, p[0].Seg.Dst}
	next := [2]segment.Seq{0xffff_fffd, 0xffff_ffc0}
	now := start
	var recs []teardown.Record
	for ; len(data) >= 6; data = data[6:] {
		from := int(data[0] & 1)
		now = now.Add(time.Duration(int8(data[5])+8) * 7 * time.Millisecond)
		r := teardown.Record{Time: now, Hold: flow.Hold(data[0] >> 1 & 3), Held: time.Duration(data[5]) * time.Millisecond}
		r.LostIn = data[0]>>4 == 15
		s := &r.Seg
		s.Version, s.Src, s.Dst = 4, end[from], end[1-from]
		s.Flags = usual[data[1]&15]
		if data[1] >= 0xf0 {
			s.Flags = segment.Flags(data[2])
		}
		s.PayloadLen = []int{0, 0, 0, 1, 7, 100, 1400, 65000}[data[2]>>5]
		s.Seq = next[from] + offset(data[3])
		s.Ack = next[1-from] + offset(data[4])
		s.Window = uint16(data[5]) << 6
		if data[3] < 0xe0 {
			next[from] = next[from].Max(s.End())
		}
		recs = append(recs, r)
	}
	return recs
}

// usual are flags that make sense, the ones of a close more often.
var usual = [16]segment.Flags{
	segment.SYN, segment.SYN | segment.ACK, segment.ACK, segment.ACK,
	segment.ACK, segment.PSH | segment.ACK, segment.FIN | segment.ACK, segment.FIN | segment.ACK,
	segment.FIN | segment.ACK, segment.FIN | segment.PSH | segment.ACK, segment.RST, segment.RST | segment.ACK,
	segment.ACK, segment.FIN, segment.ACK, segment.FIN | segment.ACK,
}

// offset is how far a number is from the expected one: mostly not at all.
func offset(b byte) segment.Seq {
	switch {
	case b < 0xa0:
		return 0
	case b < 0xf0:
		return segment.Seq(int32(b) - 0xc8)
	}
	return segment.Seq(b) << 24
}
