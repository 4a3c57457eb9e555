package experiment

import (
	"testing"
	"time"

	"lastack/harness/teardown"
)

// TestUnmeasured: a failure says nothing where the machine was hopelessly late in each attempt,
// and something where it was on time in one, or what failed has nothing to do with time.
func TestUnmeasured(t *testing.T) {
	late := Result{Verdict: Fail, Attempts: 12, Excused: 12}
	with := func(change func(*Result)) Result {
		r := late
		change(&r)
		return r
	}
	for name, tt := range map[string]struct {
		r    Result
		late time.Duration
		want bool
	}{
		"late in each":      {late, hopeless, true},
		"less late in one":  {late, hopeless - 1, false},
		"on time in one":    {with(func(r *Result) { r.Excused = 11 }), hopeless, false},
		"a pass":            {with(func(r *Result) { r.Verdict = Pass }), hopeless, false},
		"the subject died":  {with(func(r *Result) { r.Died = "exit status 1" }), hopeless, false},
		"the traces differ": {with(func(r *Result) { r.Compared = &teardown.Diff{} }), hopeless, false},
	} {
		if got := tt.r.unmeasured(tt.late); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
