package proxy

import (
	"slices"
	"time"
)

// Progress is how far a run is.
type Progress struct {
	// Check is the name of the one that begins, the Number-th (from 1) of Of.
	Check      string
	Number, Of int
	// Left is about how long the rest takes, that check included, by what checks take
	// with a proxy in which nothing differs.
	Left time.Duration
}

// progress is that before the n-th (from 0) of the checks.
func (c *Config) progress(todo []kind, n int) Progress {
	p := Progress{Check: todo[n].name, Number: n + 1, Of: len(todo)}
	waited := slices.ContainsFunc(todo[:n], func(k kind) bool { return k.waits })
	for _, k := range todo[n:] {
		p.Left += k.takes
		if k.waits && !waited { // all of them wait at the same time
			p.Left += max(c.Patience, probing)
			waited = true
		}
		if k.lingers {
			p.Left += max(c.Patience, lingering)
		}
	}
	return p
}
