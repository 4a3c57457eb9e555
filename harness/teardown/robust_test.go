package teardown_test

import (
	"slices"
	"testing"

	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// closes are scripts whose verdict must not depend on the order in which a
// capture has the two directions, nor on a segment that it has twice.
var closes = []string{
	"three-way", "three-way-held", "three-way-data-in-fin", "three-way-rtt", "three-way-fin-again", "fast-open",
	"four-way-at-once", "four-way-expired", "four-way-server-first", "four-way-data-carries",
	"four-way-half-close-later", "simultaneous", "half-closed", "reset-after-fin", "reset-unread", "refused",
}

func verdict(recs []teardown.Record) (v [3]string) {
	tb := teardown.NewTable(teardown.Config{})
	c := feed(tb, recs)
	r := c.Report()
	return [3]string{string(r.Close), string(r.ActiveCloser), string(r.TimeWait)}
}

// TestSwappedDirections swaps neighbours of different directions, one pair at a
// time: what a capture from two queues does.
func TestSwappedDirections(t *testing.T) {
	for _, name := range closes {
		recs := records(t, name)
		want := verdict(recs)
		for i := 1; i < len(recs); i++ {
			if recs[i].Step.From == recs[i-1].Step.From || name == "refused" {
				continue // a RST before its SYN is of an older attempt
			}
			swapped := slices.Clone(recs)
			swapped[i], swapped[i-1] = swapped[i-1], swapped[i]
			if got := verdict(swapped); got != want {
				t.Errorf("%s, segments %d and %d (%s) swapped: %v, want %v", name, i, i+1, recs[i].Seg.Flags, got, want)
			}
		}
	}
}

// TestSeenTwice doubles each segment in turn: what a capture on a bridge does.
func TestSeenTwice(t *testing.T) {
	for _, name := range closes {
		recs := records(t, name)
		want := verdict(recs)
		for i := range recs {
			if got := verdict(slices.Insert(slices.Clone(recs), i, recs[i])); got != want {
				t.Errorf("%s, segment %d (%s) twice: %v, want %v", name, i+1, recs[i].Seg.Flags, got, want)
			}
		}
	}
}

// TestBegunLate leaves out the beginning: as long as both FINs are there, with
// the numbers they acknowledge, the verdict is the same.
func TestBegunLate(t *testing.T) {
	for _, name := range closes {
		recs := records(t, name)
		want := verdict(recs)
		for i := range recs {
			if recs[i].Seg.Flags.Any(segment.FIN|segment.RST) || name == "refused" {
				break // without its SYN nothing tells a refusal from a reset
			}
			if got := verdict(recs[i+1:]); got != want {
				t.Errorf("%s, without the first %d: %v, want %v", name, i+1, got, want)
			}
		}
	}
}
