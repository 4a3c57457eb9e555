package proxy

import (
	"testing"
	"time"
)

// TestProgress: the patience that several checks share counts once, and the time left
// never grows.
func TestProgress(t *testing.T) {
	c := Config{Patience: 10 * time.Minute}
	last := time.Duration(1<<63 - 1)
	for i, k := range all {
		p := c.progress(all, i)
		if p.Check != k.name || p.Number != i+1 || p.Of != len(all) || p.Left > last {
			t.Errorf("%+v after %v", p, last)
		}
		last = p.Left
	}
	if first := c.progress(all, 0).Left; first < 20*time.Minute || first > 21*time.Minute {
		t.Errorf("%v at first, want the patience twice: for what waits, and for restart", first)
	}
}
