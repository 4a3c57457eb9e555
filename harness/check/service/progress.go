package service

import (
	"time"

	"lastack/harness/check"
)

// brief is about how long a check takes that a service answers at once.
const brief = 2 * lull

// progress is that before the n-th (from 0) of the checks.
func (c *Config) progress(todo []kind, n int) check.Progress {
	p := check.Progress{Check: todo[n].name, Number: n + 1, Of: len(todo)}
	for _, k := range todo[n:] {
		p.Left += c.takes(&k)
	}
	return p
}

// takes is about how long a check takes, if the service answers and leaves connections open.
func (c *Config) takes(k *kind) time.Duration {
	switch {
	case k.asks && c.Send == "":
		return 0 // it is skipped
	case k.waits:
		return brief + c.Patience
	}
	return brief
}
