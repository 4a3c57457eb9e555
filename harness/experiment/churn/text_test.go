package churn

import (
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/term/golden"
)

// TestWrite holds what a person reads against a golden file.
func TestWrite(t *testing.T) {
	named := func(mode, subject string, r Result) Result {
		r.Mode, r.Subject, r.Verdict, r.PerSecond = mode, subject, experiment.Pass, 4711.4
		return r
	}
	broken := named("server-first", experiment.Kernel, done(297, 0, 0, 50))
	broken.Failures = map[string]int{"connection reset by peer": 2, "timed out": 1}
	broken.Verdict, broken.Why = experiment.Fail, "2 of 300 connections failed: connection reset by peer"
	kept := named("keep-alive", experiment.Lastack, done(1, 0, 1, 0))
	kept.Requests = 300
	pool := named("pool=10", experiment.Lastack, done(10, 0, 10, 0))
	pool.Requests = 300
	few := named("wider", experiment.Kernel, done(60, 0, 60, 0))
	few.Attempted = 60
	results := []Result{
		named("client-first", experiment.Lastack, done(100, 101, 100, 0)),
		named("client-first", experiment.Kernel, done(100, 101, 100, 0)),
		named("server-first", experiment.Lastack, done(300, 0, 0, 99)),
		broken, kept, pool,
		named("tw-reuse", experiment.Lastack, done(300, 0, 100, 0)),
		few,
	}
	for columns, file := range map[int]string{80: "testdata/churn.txt", 40: "testdata/churn-narrow.txt"} {
		var b strings.Builder
		if err := Write(&b, results, false, columns); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if len(line) > columns+1 {
				t.Errorf("%d columns: %s", len(line)-1, line)
			}
		}
		golden.Match(t, file, []byte(b.String()))
	}
}
