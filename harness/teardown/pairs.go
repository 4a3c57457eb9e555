package teardown

import (
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Pair is a segment of trace A and its counterpart in trace B, by their places
// among the records; -1 where there is none.
type Pair struct {
	A, B int
	// Differs says in which fields the two differ: "len 5 in A, 7 in B". It is
	// empty where they are alike, or one of them is missing.
	Differs string
	// Minor: they differ in nothing but the window, the options, and flags such
	// as PSH that no close depends on.
	Minor bool
}

// Same reports whether both are there and alike.
func (p *Pair) Same() bool { return p.A >= 0 && p.B >= 0 && p.Differs == "" }

// Align pairs the segments of two traces of one connection, or of two connections
// that ought to be alike, as Compare does, and returns all of them in the order of
// time.
func Align(a, b []Record) []Pair {
	c := newComparison(a, b)
	x, y := c.direction(flow.Client), c.direction(flow.Server)
	c.clocks()
	out := make([]Pair, 0, len(x)+len(y))
	for len(x)+len(y) > 0 {
		next := &x
		if len(x) == 0 || len(y) > 0 && c.before(y[0], x[0]) {
			next = &y
		}
		out = append(out, c.public((*next)[0]))
		*next = (*next)[1:]
	}
	return out
}

// before says which of two pairs, of different directions, is shown first.
func (c *comparison) before(p, q pair) bool {
	switch {
	case p.a >= 0 && q.a >= 0:
		return p.a < q.a
	case p.b >= 0 && q.b >= 0:
		return p.b < q.b
	}
	return c.when(p) < c.when(q)
}

// public is the Pair of a pair.
func (c *comparison) public(p pair) Pair {
	out := Pair{A: p.a, B: p.b}
	if p.a >= 0 && p.b >= 0 {
		s, t := c.shape[0][p.a], c.shape[1][p.b]
		out.Differs = s.versus(&t)
		for _, sh := range []*shape{&s, &t} {
			sh.window, sh.options = 0, options{}
			sh.flags &= control | segment.ACK
		}
		out.Minor = out.Differs != "" && s == t
	}
	return out
}
