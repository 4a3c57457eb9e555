package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lastack/harness/bench"
)

// TestProgressLive: the line is wiped away before anything is printed above it, and does
// not come in the middle of a line.
func TestProgressLive(t *testing.T) {
	var term strings.Builder
	p := &progress{w: &term, live: true, columns: 12}
	above := p.above(&term)
	now := time.Unix(0, 0)
	p.show(now, "1 of 2, about 3s left")
	fmt.Fprint(above, "a result\n")
	p.show(now, "2 of 2")
	fmt.Fprint(above, "half")
	p.show(now, "not now")
	fmt.Fprint(above, " a line\n")
	p.show(now, "done")
	p.clear()
	p.clear()
	const wipe = "\r\x1b[K"
	want := wipe + "1 of 2, abo" + wipe + "a result\n" + wipe + "2 of 2" + wipe + "half a line\n" + wipe + "done" + wipe
	if got := term.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestProgressLog: where nobody watches there is a line now and then.
func TestProgressLog(t *testing.T) {
	var log strings.Builder
	start := time.Unix(0, 0)
	p := &progress{w: &log, columns: 80, last: start}
	for s := range 40 {
		p.show(start.Add(time.Duration(s)*time.Second), fmt.Sprintf("after %d s", s))
	}
	p.clear()
	if got, want := log.String(), "after 15 s\nafter 30 s\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBenchProgress(t *testing.T) {
	p := bench.Progress{Done: 4, Runs: 6, Case: "tracing", Round: 1, Rounds: 1, Subject: "lastack", Left: 3 * time.Second}
	if got, want := benchProgress(p), "4 of 6 runs, about 3s left: tracing, round 1 of 1, lastack"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
