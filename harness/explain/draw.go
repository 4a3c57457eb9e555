package explain

import (
	"runtime/debug"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// Draw reads the capture once more, after Summary, which is the end of a, for the examples of its Findings. It
// returns one connection with its lines for each Finding, nil where that was not found.
func (a *Analysis) Draw(s capture.Source) ([]*Connection, error) {
	all := a.sum.Findings
	out := make([]*Connection, len(all))
	if len(all) == 0 {
		return out, nil
	}
	opt := Options{Each: func(c *Connection) error {
		for i := range all {
			if all[i].example.N == c.N {
				out[i] = c
			}
		}
		return nil
	}}
	for i := range all {
		opt.Chosen = append(opt.Chosen, all[i].example.choice())
	}
	a.split, a.waiting, a.tunnels, a.lanes = nil, nil, tunnels{}, [teardown.Lanes]lane{}
	debug.FreeOSMemory() // so that two readings take no more than one
	b := New(opt)
	b.again, b.roles, b.silences = true, a.roles, a.limits
	if err := b.ReadAll(s); err != nil {
		return out, err
	}
	_, err := b.Summary()
	return out, err
}
