package main

import (
	"testing"
	"time"
)

func TestScriptsProgress(t *testing.T) {
	c := &scriptsCourse{files: []string{"a.pkt", "b\x1b.pkt", "c.pkt"}}
	for _, want := range []string{"0 of 3 scripts done; running a.pkt", `1 of 3 scripts done, about 20s left; running "b\x1b.pkt"`, "2 of 3 scripts done, about 5s left; running c.pkt", ""} {
		if got := c.line(10 * time.Second); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		c.done()
	}
}
