package teardown

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lastack/stack/segment"
)

// control are the flags that make a segment what it is.
const control = segment.SYN | segment.FIN | segment.RST

// words tells the differences, in the order of time.
func (c *comparison) words() {
	slices.SortStableFunc(c.other, func(p, q pair) int { return cmp.Compare(c.when(p), c.when(q)) })
	for i, p := range c.other {
		if i == maxDifferences {
			return
		}
		c.d.Differences = append(c.d.Differences, c.tell(p))
	}
	if len(c.d.Differences) > 0 {
		c.d.First = c.d.Differences[0]
	}
}

// when is the time of a pair since A's first record, by A's clock.
func (c *comparison) when(p pair) time.Duration {
	var base time.Time
	switch {
	case len(c.rec[0]) > 0:
		base = c.rec[0][0].Time
	case len(c.rec[1]) > 0:
		base = c.rec[1][0].Time
	}
	if p.a >= 0 {
		return c.rec[0][p.a].Time.Sub(base)
	}
	return c.rec[1][p.b].Time.Add(-c.skew).Sub(base)
}

// tell puts one difference into words.
func (c *comparison) tell(p pair) string {
	switch {
	case p.b < 0:
		return "only A has " + c.name(0, p.a)
	case p.a < 0:
		return "only B has " + c.name(1, p.b)
	}
	return fmt.Sprintf("%s: %s", c.name(0, p.a), c.shape[0][p.a].versus(&c.shape[1][p.b]))
}

// name is what people call a segment: "the client's segment 3 (FIN+ACK seq=79
// ack=1 len=0)". Segments are counted per trace and direction, from 1.
func (c *comparison) name(trace, i int) string {
	from := c.rec[trace][i].Step.From & 1
	n := 0
	for k := range c.rec[trace][:i+1] {
		if c.rec[trace][k].Step.From&1 == from {
			n++
		}
	}
	return fmt.Sprintf("%s's segment %d (%s)", the(from), n, c.shape[trace][i])
}

// String is "FIN+ACK seq=79 ack=1 len=0".
func (s shape) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s seq=%d", s.flags, s.seq)
	if s.flags.Has(segment.ACK) {
		fmt.Fprintf(&b, " ack=%d", s.ack)
	}
	fmt.Fprintf(&b, " len=%d", s.len)
	return b.String()
}

// versus names every field in which the two differ.
func (s *shape) versus(t *shape) string {
	var parts []string
	add := func(what string, a, b any) {
		if a != b {
			parts = append(parts, fmt.Sprintf("%s %v in A, %v in B", what, a, b))
		}
	}
	add("flags", s.flags, t.flags)
	add("seq", s.seq, t.seq)
	add("ack", s.ack, t.ack)
	add("length", s.len, t.len)
	add("window", s.window, t.window)
	add("timestamps", yes(s.options.timestamps), yes(t.options.timestamps))
	add("MSS", s.options.mss, t.options.mss)
	add("window scale", s.options.shift(), t.options.shift())
	add("SACK permitted", yes(s.options.sackPermitted), yes(t.options.sackPermitted))
	add("SACK blocks", s.options.sacks, t.options.sacks)
	return strings.Join(parts, "; ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// shift is the window scale in words.
func (o *options) shift() string {
	if !o.hasScale {
		return "none"
	}
	return fmt.Sprint(o.scale)
}
