package main

import (
	"fmt"
	"sync"
	"time"

	"lastack/harness/check"
)

// checksCourse is how far checks are. Its methods may be called concurrently.
type checksCourse struct {
	mu    sync.Mutex
	now   check.Progress // no Check between two of them
	since time.Time      // when it began
}

func (c *checksCourse) begin(p check.Progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.since = p, time.Now()
}

func (c *checksCourse) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.Check == "" {
		return ""
	}
	return progressLine(c.now, time.Since(c.since))
}

// progressLine is the line so long after a check began.
func progressLine(p check.Progress, gone time.Duration) string {
	left := "longer than usual"
	if d := (p.Left - gone).Round(time.Second); d > 0 {
		left = fmt.Sprintf("about %v left", d)
	}
	return fmt.Sprintf("check %d of %d, %s: %s", p.Number, p.Of, left, p.Check)
}
