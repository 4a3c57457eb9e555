package service

import (
	"testing"
	"time"
)

// TestProgress: the time left never grows, and counts the patience of what waits and is made.
func TestProgress(t *testing.T) {
	for send, waits := range map[string]time.Duration{"": 1, "GET /": 2} {
		c := Config{Patience: 10 * time.Minute, Send: send}
		last := time.Duration(1<<63 - 1)
		for i, k := range all {
			p := c.progress(all, i)
			if p.Check != k.name || p.Number != i+1 || p.Of != len(all) || p.Left > last {
				t.Errorf("%+v after %v", p, last)
			}
			last = p.Left
		}
		if first := c.progress(all, 0).Left.Truncate(time.Minute); first != waits*c.Patience {
			t.Errorf("sending %q: %v at first, want the patience %d times", send, first, waits)
		}
	}
}
