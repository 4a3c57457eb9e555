package teardown

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Diff is what Compare found. Diff separates differences of time, and of how the two
// directions interleave, from differences of the segments: two observers of one
// connection see the same segments in each direction, but not at the same moments.
type Diff struct {
	// Same: every segment of one trace has an equal in the other.
	Same bool `json:"same"`
	// Matched counts the pairs that are alike.
	Matched int `json:"matched"`
	// OnlyA and OnlyB count segments without a counterpart, Changed the pairs
	// that are not alike.
	OnlyA   int `json:"only_a"`
	OnlyB   int `json:"only_b"`
	Changed int `json:"changed"`
	// First is the first difference in words, empty with Same.
	First string `json:"first_difference,omitempty"`
	// Differences are the first hundred, in the order of time.
	Differences []string `json:"differences,omitempty"`
	// ClockOffsetUS is what is added to A's times to get B's: the median over
	// the pairs that are alike.
	ClockOffsetUS int64 `json:"clock_offset_us"`
	// MaxTimeDifferenceUS is the largest time between the two sights of one
	// segment once the offset is taken off, and MaxTimeDifferenceAt names the
	// segment.
	MaxTimeDifferenceUS int64  `json:"max_time_difference_us"`
	MaxTimeDifferenceAt string `json:"max_time_difference_at,omitempty"`
	// Interleavings counts the segments that B has behind a segment of the other
	// direction which A has later; FirstInterleaving names the first.
	Interleavings     int    `json:"interleavings"`
	FirstInterleaving string `json:"first_interleaving,omitempty"`
}

// maxDifferences bounds Diff.Differences.
const maxDifferences = 100

// Compare holds two traces of one connection against each other. In each
// direction the segments are compared in order: flags, sequence and
// acknowledgment number, length, window, and which options they have. Numbers
// are compared relative to the initial ones, or as they stand on the wire where
// only one of the traces shows the initial one. Times, addresses and the values
// of timestamps are not compared.
func Compare(a, b []Record) Diff {
	c := newComparison(a, b)
	for _, from := range []flow.Side{flow.Client, flow.Server} {
		c.direction(from)
	}
	slices.SortFunc(c.same, func(x, y pair) int { return cmp.Compare(x.a, y.a) })
	c.clocks()
	c.interleaving()
	c.words()
	c.d.Same = c.d.OnlyA+c.d.OnlyB+c.d.Changed == 0
	return c.d
}

// pair says which segment of A is which of B; -1 is none.
type pair struct{ a, b int }

// comparison is a Compare under way.
type comparison struct {
	rec   [2][]Record
	shape [2][]shape
	same  []pair // alike
	other []pair // not alike, or alone
	skew  time.Duration
	d     Diff
}

// shape is what is compared of a segment.
type shape struct {
	flags    segment.Flags
	seq, ack segment.Seq
	len      int
	window   uint16
	options  options
}

// options are the options that a segment has; values only where they are the
// connection's terms.
type options struct {
	timestamps, sackPermitted, hasScale bool
	mss                                 uint16
	scale                               uint8
	sacks                               uint8
}

func newComparison(a, b []Record) *comparison {
	c := &comparison{rec: [2][]Record{a, b}}
	// Numbers relative to the ISN, unless only one trace has the SYN.
	var absolute [2]bool
	for s := range absolute {
		absolute[s] = len(a) > 0 && len(b) > 0 && showsISN(a, flow.Side(s)) != showsISN(b, flow.Side(s))
	}
	for t, recs := range c.rec {
		c.shape[t] = make([]shape, len(recs))
		for i := range recs {
			c.shape[t][i] = shapeOf(&recs[i], absolute)
		}
	}
	return c
}

// showsISN reports whether a trace shows the ISN of a side: by its SYN, or by
// the SYN-ACK that answers it.
func showsISN(recs []Record, side flow.Side) bool {
	for i := range recs {
		s, from := &recs[i].Seg, recs[i].Step.From
		if s.Flags.Has(segment.SYN) && (from == side || s.Flags.Has(segment.ACK)) {
			return true
		}
	}
	return false
}

func shapeOf(r *Record, absolute [2]bool) shape {
	s := &r.Seg
	from := r.Step.From & 1
	sh := shape{flags: s.Flags, seq: r.Step.SeqOff, len: s.PayloadLen, window: s.Window}
	if absolute[from] {
		sh.seq = s.Seq
	}
	if s.Flags.Has(segment.ACK) {
		sh.ack = r.Step.AckOff
		if absolute[from.Other()] {
			sh.ack = s.Ack
		}
	}
	sh.options = options{
		timestamps: s.HasTimestamps, sackPermitted: s.SACKPermitted,
		hasScale: s.HasWindowScale, mss: s.MSS, scale: s.WindowScale, sacks: s.SACKCount,
	}
	return sh
}

// direction aligns the segments of one side, and returns the pairs in order.
func (c *comparison) direction(from flow.Side) (all []pair) {
	var at [2][]int
	var sh [2][]shape
	for t, recs := range c.rec {
		for i := range recs {
			if recs[i].Step.From&1 == from {
				at[t] = append(at[t], i)
				sh[t] = append(sh[t], c.shape[t][i])
			}
		}
	}
	for _, p := range align(sh[0], sh[1]) {
		full := pair{-1, -1}
		if p.a >= 0 {
			full.a = at[0][p.a]
		}
		if p.b >= 0 {
			full.b = at[1][p.b]
		}
		c.sort(full)
		all = append(all, full)
	}
	return all
}

// sort files a pair under what it is.
func (c *comparison) sort(p pair) {
	switch {
	case p.b < 0:
		c.d.OnlyA++
	case p.a < 0:
		c.d.OnlyB++
	case c.shape[0][p.a] == c.shape[1][p.b]:
		c.d.Matched++
		c.same = append(c.same, p)
		return
	default:
		c.d.Changed++
	}
	c.other = append(c.other, p)
}

// clocks finds the offset between the clocks, and the segment that differs most
// from it.
func (c *comparison) clocks() {
	if len(c.same) == 0 {
		return
	}
	diffs := make([]time.Duration, len(c.same))
	for i, p := range c.same {
		diffs[i] = c.rec[1][p.b].Time.Sub(c.rec[0][p.a].Time)
	}
	sorted := slices.Clone(diffs)
	slices.Sort(sorted)
	c.skew = sorted[len(sorted)/2]
	c.d.ClockOffsetUS = c.skew.Microseconds()
	worst, at := time.Duration(-1), 0
	for i, p := range c.same {
		if off := (diffs[i] - c.skew).Abs(); off > worst {
			worst, at = off, p.a
		}
	}
	c.d.MaxTimeDifferenceUS = worst.Microseconds()
	c.d.MaxTimeDifferenceAt = c.name(0, at)
}

// interleaving looks for pairs that A and B have in another order. Within one
// direction the order is the same, so these are of two.
func (c *comparison) interleaving() {
	last := pair{-1, -1} // the pair latest in B so far
	for _, p := range c.same {
		if p.b > last.b {
			last = p
			continue
		}
		c.d.Interleavings++
		if c.d.Interleavings == 1 {
			c.d.FirstInterleaving = fmt.Sprintf("A has %s before %s, B after it", c.name(0, last.a), c.name(0, p.a))
		}
	}
}
