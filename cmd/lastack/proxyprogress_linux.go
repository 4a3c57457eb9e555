package main

import (
	"fmt"
	"sync"
	"time"

	"lastack/harness/check/proxy"
)

// proxyCourse is how far the checks of a proxy are. Its methods may be called concurrently.
type proxyCourse struct {
	mu    sync.Mutex
	now   proxy.Progress // no Check between two of them
	since time.Time      // when it began
}

func (c *proxyCourse) begin(p proxy.Progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.since = p, time.Now()
}

func (c *proxyCourse) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.Check == "" {
		return ""
	}
	return progressLine(c.now, time.Since(c.since))
}

// progressLine is the line so long after a check began.
func progressLine(p proxy.Progress, gone time.Duration) string {
	left := "longer than usual"
	if d := (p.Left - gone).Round(time.Second); d > 0 {
		left = fmt.Sprintf("about %v left", d)
	}
	return fmt.Sprintf("check %d of %d, %s: %s", p.Number, p.Of, left, p.Check)
}
