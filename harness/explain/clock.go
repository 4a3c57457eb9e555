package explain

import (
	"math"
	"time"
)

// clocks says how the clock of capture B differs from that of A, from segments that
// both saw. Of a segment that travels from A to B, B's time less A's is the offset
// and the delay, of one from B to A the offset less the delay; as no delay is
// negative, the offset lies between the greatest of the latter and the least of the
// former (as in NTP, RFC 5905 8). The middle is the estimate, right where both ways
// take equally long; the bounds hold anyhow.
type clocks struct {
	from, width int64 // of the parts, in A's time
	parts       [maxStretches]stretch
	samples     int
}

const maxStretches = 64

// stretch has the bounds of one stretch of time.
type stretch struct{ upper, lower bound }

// bound is a time of A and the difference to B's then.
type bound struct {
	at, x int64
	known bool
}

// newClocks is for samples between two times of A.
func newClocks(begin, end int64) *clocks {
	return &clocks{from: begin, width: max((end-begin)/maxStretches, 0) + 1}
}

// add takes a segment's times in A and B; there says that it went from A to B.
func (c *clocks) add(there bool, a, b int64) {
	k := &c.parts[min(max((a-c.from)/c.width, 0), maxStretches-1)]
	x := b - a
	c.samples++
	switch {
	case there && (!k.upper.known || x < k.upper.x):
		k.upper = bound{a, x, true}
	case !there && (!k.lower.known || x > k.lower.x):
		k.lower = bound{a, x, true}
	}
}

// offset is B's clock less A's: base at the time zero of A, and drift times the
// time since.
type offset struct {
	zero        int64 // of A
	base        int64 // nanoseconds
	drift       float64
	driftWithin float64
	// within is how far off base may be; -1 where no segment of the other way tells.
	within int64
	// broken: no offset fits all segments. A clock was set, or does not run evenly.
	broken bool
}

// at is the offset at a time of A.
func (o *offset) at(a int64) int64 {
	return o.base + int64(o.drift*float64(a-o.zero))
}

// toA turns a time of B into one of A.
func (o *offset) toA(b int64) int64 {
	a := b - o.base
	return b - o.at(a)
}

// minDrift is the shortest stretch between two parts that a drift is taken from.
const minDrift = int64(10 * time.Second)

// estimate fits the offset.
func (c *clocks) estimate() (o offset, ok bool) {
	if c.samples == 0 {
		return offset{within: -1}, false
	}
	o.zero = c.from
	o.drift, o.driftWithin = c.slope()
	if math.Abs(o.drift) <= o.driftWithin {
		o.drift = 0
	}
	upper, lower := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range c.parts {
		k := &c.parts[i]
		if k.upper.known {
			upper = min(upper, o.flat(k.upper))
		}
		if k.lower.known {
			lower = max(lower, o.flat(k.lower))
		}
	}
	switch {
	case upper == math.MaxInt64:
		o.base, o.within = lower, -1
	case lower == math.MinInt64:
		o.base, o.within = upper, -1
	default:
		// Not (upper+lower)/2, which overflows.
		o.base, o.within = lower+(upper-lower)/2, (upper-lower)/2
		o.broken = upper < lower
		o.within = max(o.within, -o.within)
	}
	return o, true
}

// flat is a difference without the drift.
func (o *offset) flat(b bound) int64 { return b.x - int64(o.drift*float64(b.at-o.zero)) }

// slope is the drift between the first and the last stretch that have both bounds,
// and how wrong it may be. The mean of the outer ones tells as much as a fit
// through all, as each is itself a minimum over many.
func (c *clocks) slope() (drift, within float64) {
	first, last := -1, -1
	for i := range c.parts {
		if c.parts[i].upper.known && c.parts[i].lower.known {
			if last = i; first < 0 {
				first = i
			}
		}
	}
	if first == last {
		return 0, 0
	}
	a, b := &c.parts[first], &c.parts[last]
	span := b.mid() - a.mid()
	if span < minDrift {
		return 0, 0
	}
	drift = float64(b.offset()-a.offset()) / float64(span)
	within = float64(a.slack()+b.slack()) / float64(span)
	return drift, within
}

func (b *stretch) mid() int64    { return b.upper.at + (b.lower.at-b.upper.at)/2 }
func (b *stretch) offset() int64 { return b.lower.x + (b.upper.x-b.lower.x)/2 }

// slack is how far off the offset may be.
func (b *stretch) slack() int64 { return max(b.upper.x-b.lower.x, b.lower.x-b.upper.x) / 2 }
