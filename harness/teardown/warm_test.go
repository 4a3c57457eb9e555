package teardown_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// TestPrepare: what was prepared, by whatever Table's rules a record was used before, goes
// to the connection that it goes to without, and a Table that was flushed goes on.
func TestPrepare(t *testing.T) {
	recs := crowd(t, rand.New(rand.NewPCG(8, 8)), 500)
	verdicts := func(add func(tb *teardown.Table, i int, r teardown.Record)) (all []string) {
		tb := teardown.NewTable(teardown.Config{Lean: true, Recycle: true, OnForget: func(c *teardown.Conn) {
			all = append(all, fmt.Sprintf("%d %+v", c.Number(), c.Verdict()))
		}})
		for i, r := range recs {
			if i == len(recs)/2 {
				if tb.Flush(); !tb.Empty() || len(tb.All()) > 0 {
					t.Fatal("something is left")
				}
			}
			add(tb, i, r)
		}
		open, done := tb.Len()
		if held := tb.All(); len(held) != open+done || !slices.IsSortedFunc(held, func(a, b *teardown.Conn) int { return a.Number() - b.Number() }) {
			t.Errorf("%d connections are held, or in another order; %d and %d", len(held), open, done)
		}
		tb.Flush()
		return all
	}
	want := verdicts(func(tb *teardown.Table, _ int, r teardown.Record) { tb.Add(&r) })
	prepared := verdicts(func(tb *teardown.Table, _ int, r teardown.Record) {
		tb.Prepare(&r)
		tb.Warm(&r)
		tb.Add(&r)
	})
	var used teardown.Record
	reused := verdicts(func(tb *teardown.Table, i int, r teardown.Record) {
		used.Time, used.Seg = r.Time, r.Seg
		if i%3 == 0 {
			tb.Prepare(&used)
		}
		tb.Add(&used)
	})
	if len(want) < 400 || !slices.Equal(prepared, want) || !slices.Equal(reused, want) {
		t.Errorf("%d connections, prepared %d, prepared now and then %d, or other verdicts", len(want), len(prepared), len(reused))
	}
}

// TestMemory: a few connections take little memory, and slabs grow up to 1 MiB and no further.
func TestMemory(t *testing.T) {
	tb := teardown.NewTable(teardown.Config{Lean: true, Recycle: true, Remember: -1})
	recs := crowd(t, rand.New(rand.NewPCG(9, 9)), 40)
	for i := range recs {
		tb.Add(&recs[i])
	}
	if sizes := tb.Slabs(); len(sizes) != 1 || sizes[0] > 64<<10 {
		t.Errorf("40 connections take %d", sizes)
	}
	for n := range uint16(10_000) {
		var r teardown.Record
		r.Seg.Flags, r.Seg.Src.Port, r.Seg.Dst.Port = segment.SYN, n, 80
		tb.Add(&r)
	}
	sizes := tb.Slabs()
	last := sizes[len(sizes)-1]
	if last > 1<<20 || last < 1<<19 || len(sizes) > 20 {
		t.Errorf("10,000 connections take %d", sizes)
	}
}
