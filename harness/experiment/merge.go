package experiment

import (
	"slices"

	"lastack/harness/capture"
	"lastack/harness/host/trace"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// sameness is what a segment on its way through the close path and the same one
// in the capture have in common, and few others share.
type sameness struct {
	tuple    segment.Tuple
	seq, ack segment.Seq
	flags    segment.Flags
	length   int
}

func same(s *segment.Segment) sameness {
	return sameness{s.Tuple, s.Seq, s.Ack, s.Flags, s.PayloadLen}
}

// merge makes records of a capture, and adds what only the close path knows:
// which segments fell to a rule, which of them were lost on their way in, and those that
// never came to the link.
func merge(packets []capture.Packet, items []trace.Item) []teardown.Record {
	told := map[sameness][]teardown.Record{}
	var out []teardown.Record
	for i := range items {
		if items[i].Lost {
			out = append(out, items[i].Record())
			continue
		}
		key := same(&items[i].Seg)
		told[key] = append(told[key], items[i].Record())
	}
	for _, p := range packets {
		s, err := segment.Parse(p.Data)
		if err != nil {
			continue // not TCP, as in the watch
		}
		r := teardown.Record{Time: p.Time, Seg: s}
		// Both have seen the same segments in the same order, copies too.
		if key := same(&s); len(told[key]) > 0 {
			host := &told[key][0]
			r.Impaired, r.LostIn, r.Refusal = host.Impaired, host.LostIn, host.Refusal
			told[key] = told[key][1:]
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b teardown.Record) int { return a.Time.Compare(b.Time) })
	return out
}
