package explain

import "time"

// gaps are the times between views, in which nobody knows what happened.
type gaps []view

// gaps are those between views that are joined.
func (v views) gaps() (out gaps) {
	for i := 1; i < len(v); i++ {
		out = append(out, view{v[i-1].To, v[i].From})
	}
	return out
}

// within is how much of a time is gaps.
func (g gaps) within(from, to time.Time) (sum time.Duration) {
	for _, k := range g {
		sum += max(0, earlier(to, k.To).Sub(later(from, k.From)))
	}
	return sum
}
