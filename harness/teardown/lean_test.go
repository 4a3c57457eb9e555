package teardown_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// TestLean: a Table that keeps no lines and uses its memory again comes to the
// same verdicts as one that does neither.
func TestLean(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	verdicts := func(cfg teardown.Config, recs []teardown.Record) (all []string) {
		cfg.OnForget = func(c *teardown.Conn) {
			if r := c.Report(); cfg.Lean && len(r.Opening)+len(r.Segments) > 0 {
				t.Errorf("a lean connection has lines: %+v", r)
			}
			all = append(all, fmt.Sprintf("%d %+v %+v", c.Number(), c.Verdict(), c.Detail(time.Time{}).ResetCause))
		}
		tb := teardown.NewTable(cfg)
		for i := range recs {
			tb.Add(&recs[i])
		}
		tb.Flush()
		return all
	}
	recs := crowd(t, rnd, 500)
	want := verdicts(teardown.Config{}, recs)
	if len(want) < 400 {
		t.Fatalf("%d connections are too few to tell", len(want))
	}
	for _, cfg := range []teardown.Config{{Lean: true}, {Recycle: true}, {Lean: true, Recycle: true}} {
		if got := verdicts(cfg, recs); !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("%+v: connection %d:\nhave %s\nwant %s", cfg, i, got[i], want[i])
				}
			}
			t.Errorf("%+v: %d connections, want %d", cfg, len(got), len(want))
		}
	}
}

// crowd interleaves the scripts of testdata on ports of their own, many of them
// used again.
func crowd(t *testing.T, rnd *rand.Rand, n int) (all []teardown.Record) {
	names := []string{"three-way", "four-way-expired", "simultaneous", "refused", "reset-unread", "half-closed", "open", "unanswered", "three-way-late-rst", "three-way-swapped", "long-data"}
	for i := range n {
		begin := time.Duration(i) * 5 * time.Millisecond
		port := uint16(40000 + i%400)
		for _, r := range records(t, names[rnd.IntN(len(names))]) {
			for _, e := range []*segment.Endpoint{&r.Seg.Src, &r.Seg.Dst} {
				if e.Port >= 32768 {
					e.Port = port
				}
			}
			r.Time = r.Time.Add(begin)
			r.Seg.Seq += segment.Seq(i * 100_000)
			if r.Seg.Flags.Has(segment.ACK) {
				r.Seg.Ack += segment.Seq(i * 100_000)
			}
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b teardown.Record) int { return a.Time.Compare(b.Time) })
	return all
}

// TestLinesIf: one connection has lines, and the others have not.
func TestLinesIf(t *testing.T) {
	with := 0
	tb := teardown.NewTable(teardown.Config{Lean: true, Recycle: true, LinesIf: func(n int, _ segment.Tuple, _ time.Time) bool { return n == 3 }, OnForget: func(c *teardown.Conn) {
		if r := c.Report(); len(r.Opening)+len(r.Segments) > 0 {
			with = c.Number()
		}
	}})
	recs := crowd(t, rand.New(rand.NewPCG(1, 1)), 10)
	for i := range recs {
		tb.Add(&recs[i])
	}
	tb.Flush()
	if with != 3 {
		t.Errorf("connection %d has lines, want 3", with)
	}
}

// TestMaxOpen: the connection unheard of for longest gives way.
func TestMaxOpen(t *testing.T) {
	var gone []int
	tb := teardown.NewTable(teardown.Config{MaxOpen: 3, OnForget: func(c *teardown.Conn) { gone = append(gone, c.Number()) }})
	recs := script(t, "0 c SYN\n")
	add := func(port uint16) {
		r := recs[0]
		r.Seg.Src = segment.EndpointFrom(netip.AddrPortFrom(r.Seg.Src.AddrPort().Addr(), port))
		tb.Add(&r)
	}
	for _, port := range []uint16{1001, 1002, 1003, 1001, 1004, 1005} {
		add(port)
	}
	if want := []int{2, 3}; !slices.Equal(gone, want) {
		t.Errorf("gave up %v, want %v", gone, want)
	}
	if open, _ := tb.Len(); open != 3 {
		t.Errorf("%d are open, want 3", open)
	}
}

// TestRecycle: memory is used again.
func TestRecycle(t *testing.T) {
	recs := script(t, threeWay)
	tb := teardown.NewTable(teardown.Config{Lean: true, Recycle: true, Remember: -1})
	round := func() {
		for _, r := range recs {
			tb.Add(&r)
		}
	}
	round()
	if n := testing.AllocsPerRun(100, round); n > 0 {
		t.Errorf("%v allocations for each connection", n)
	}
}
