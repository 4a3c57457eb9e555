package explain

import "time"

// gaps are the times between captures, in which nobody knows what happened.
type gaps struct {
	all  []gap
	open bool // the last is, until the next segment comes
}

type gap struct{ from, to time.Time }

// maxGaps bounds the gaps that are remembered. Of what comes later, rates are too low.
const maxGaps = 4096

// begin notes a gap after the given time.
func (g *gaps) begin(at time.Time) {
	if g.open {
		return
	}
	if g.open = len(g.all) < maxGaps; g.open {
		g.all = append(g.all, gap{at, at})
	}
}

// end closes the gap that has begun.
func (g *gaps) end(at time.Time) {
	g.all[len(g.all)-1].to = at
	g.open = false
}

// within is how much of a time is gaps; nil has none.
func (g *gaps) within(from, to time.Time) (sum time.Duration) {
	if g == nil {
		return 0
	}
	for _, k := range g.all {
		sum += max(0, earlier(to, k.to).Sub(later(from, k.from)))
	}
	return sum
}
