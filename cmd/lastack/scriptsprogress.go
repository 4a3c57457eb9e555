package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"lastack/harness/term"
)

// scriptsCourse is how far scripts are that run one after the other. Its methods may be called
// concurrently.
type scriptsCourse struct {
	files []string
	start time.Time
	count atomic.Int64
}

func (c *scriptsCourse) done() { c.count.Add(1) }

func (c *scriptsCourse) String() string { return c.line(time.Since(c.start)) }

// line is that so long after the start; the rest is expected to go as fast as what is done.
func (c *scriptsCourse) line(gone time.Duration) string {
	n := int(c.count.Load())
	if n == len(c.files) {
		return ""
	}
	left := ""
	if n > 0 {
		left = fmt.Sprintf(", about %v left", (gone / time.Duration(n) * time.Duration(len(c.files)-n)).Round(time.Second))
	}
	return fmt.Sprintf("%d of %d scripts done%s; running %s", n, len(c.files), left, term.Quote(c.files[n]))
}
