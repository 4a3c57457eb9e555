package proxy

import (
	"slices"

	"lastack/harness/check"
)

// progress is that before the n-th (from 0) of the checks.
func (c *Config) progress(todo []kind, n int) check.Progress {
	p := check.Progress{Check: todo[n].name, Number: n + 1, Of: len(todo)}
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
