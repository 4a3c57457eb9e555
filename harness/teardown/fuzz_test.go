package teardown_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
)

// FuzzTable: whatever the segments, nothing panics, and every report keeps the
// promises of its fields.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0})
	f.Add([]byte{0, 6, 0, 0, 0, 0, 1, 10, 0, 0, 0, 0})
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, 6*(1+rnd.IntN(60)))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(fuzzTable)
}

func fuzzTable(t *testing.T, data []byte) {
	seen, closed := 0, 0
	tb := teardown.NewTable(teardown.Config{
		OnClose: func(c *teardown.Conn) {
			closed++
			if !c.Done() {
				t.Error("OnClose for a connection that is not over")
			}
		},
		OnRevive: func(*teardown.Conn) { closed-- },
		OnForget: func(c *teardown.Conn) {
			r := c.Report()
			check(t, &r)
			n, _ := total(r)
			seen += n
			if c.Done() {
				closed--
			}
		},
	})
	recs := teardowntest.FromBytes(data)
	for i := range recs {
		r := tb.Add(&recs[i]).Report()
		check(t, &r)
	}
	tb.Flush()
	if seen != len(recs) || closed != 0 {
		t.Errorf("%d segments in the reports, want %d; OnClose less finished %d", seen, len(recs), closed)
	}
	d := teardown.Compare(recs, recs)
	if !d.Same || d.Matched != len(recs) || d.Interleavings != 0 {
		t.Errorf("a trace differs from itself: %+v", d)
	}
	if len(recs) > 1 {
		if d := teardown.Compare(recs, recs[1:]); d.Same || d.OnlyA != d.OnlyB+1 {
			t.Errorf("a trace against its end: %+v", d)
		}
	}
}

// check holds a report against what its fields promise.
func check(t *testing.T, r *teardown.Report) {
	t.Helper()
	broken := brokenByKind(r)
	two := r.Close == teardown.ThreeWay || r.Close == teardown.FourWay || r.Close == teardown.Simultaneous
	byRST := r.Close == teardown.Reset || r.Close == teardown.Refused
	n, _ := total(*r)
	switch {
	case broken != "":
	case !slices.Contains(kinds, r.Close):
		broken = "no such kind"
	case !two && r.TimeWait != teardown.None:
		broken = "TIME_WAIT without two FINs"
	case byRST != (r.ResetBy != teardown.None) || byRST && r.LateReset:
		broken = "the RST does not fit the kind"
	case byRST && r.States != [2]string{"CLOSED", "CLOSED"}:
		broken = "a reset connection has states"
	case r.HalfCloseBytes > max(r.ClientBytes, r.ServerBytes):
		broken = "more half-close bytes than bytes"
	case !strings.HasSuffix(r.Reason, ".") || strings.Contains(r.Reason, ". ") || strings.Contains(r.Reason, "%!"):
		broken = "the reason is no sentence"
	case !strings.HasPrefix(r.RFC, "9293 3."):
		broken = "no clause"
	case uint64(n) != r.ClientSegments+r.ServerSegments:
		broken = "the lines do not add up"
	}
	if broken != "" {
		b, _ := json.MarshalIndent(r, "", " ")
		t.Fatalf("%s:\n%s", broken, b)
	}
}

// brokenByKind says which promise of its kind the report breaks.
func brokenByKind(r *teardown.Report) string {
	oneCloser := r.ActiveCloser == teardown.Client || r.ActiveCloser == teardown.Server
	switch r.Close {
	case teardown.ThreeWay, teardown.FourWay:
		if !oneCloser || r.AckDelayUS < 0 {
			return "active closer, or the ACK of its FIN, missing"
		}
		if r.TimeWait != r.ActiveCloser && !(r.TimeWait == teardown.None && (r.LateReset || missedFIN(r))) {
			return "TIME_WAIT is not with the active closer"
		}
	case teardown.Simultaneous:
		if r.ActiveCloser != teardown.Both {
			return "simultaneous, and not both closed"
		}
	case teardown.HalfClosed:
		if !oneCloser || r.AckDelayUS < 0 {
			return "half-closed without an ACK"
		}
	case teardown.Unanswered:
		if !oneCloser || r.AckDelayUS != -1 {
			return "unanswered, and yet acknowledged"
		}
	case teardown.Open:
		if r.ActiveCloser != teardown.None || len(r.Segments) != 0 {
			return "open with a close"
		}
	}
	return ""
}

// missedFIN reports whether a FIN was lost on its way in: it may be that no copy arrived.
func missedFIN(r *teardown.Report) bool {
	return slices.ContainsFunc(r.Segments, func(l teardown.Line) bool { return l.LostIn && strings.Contains(l.Flags, "FIN") })
}
