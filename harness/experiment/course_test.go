package experiment

import (
	"strings"
	"testing"
	"time"

	"lastack/stack/impair"
	"lastack/stack/tunable"
)

func TestCourse(t *testing.T) {
	now := time.Unix(1000, 0)
	quick, long := &Experiment{Name: "quick"}, &Experiment{Name: "long", Client: Client{Steps: []Step{{Wait: 10 * time.Second}}}}
	slow := &Experiment{Name: "slow", Slow: true, Skip: Skip{Kernel: "no"}}
	results := 0
	cfg := Config{Done: func(*Experiment, *Result) { results++ }}
	c := Follow([]*Experiment{quick, long, slow}, &cfg, func() time.Time { return now })
	say := func(want string) {
		t.Helper()
		if got := c.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	say("0 of 6, about 21s left")
	cfg.Trying(quick, &Result{Experiment: "quick", Subject: Lastack})
	say("0 of 6, about 21s left: quick on lastack")
	cfg.Trying(quick, &Result{Experiment: "quick", Subject: Lastack, Attempts: 1})
	cfg.Progress(Progress{Experiment: "quick", Subject: Lastack, Made: 7, Failed: 2})
	say("0 of 6, about 21s left: quick on lastack, 7 made, 2 failed")
	now = now.Add(200 * time.Millisecond)
	for _, e := range []*Experiment{quick, long} {
		cfg.Done(e, &Result{Experiment: e.Name, Subject: Lastack, Verdict: Pass})
	}
	now = now.Add(20 * time.Second) // twice what was expected, so the rest is, too
	cfg.Trying(quick, &Result{Experiment: "quick", Subject: Kernel, Attempts: 2})
	say("2 of 6, about 20s left: quick on kernel, attempt 3")
	cfg.Done(quick, &Result{Experiment: "quick", Subject: Kernel, Verdict: Fail})
	say("3 of 6, 1 failed, about 19s left")
	if got, want := c.Count(), "3 of 6 done: 2 passed, 1 failed; 3 not run"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	now = now.Add(time.Hour) // nobody knows any more, but some is left
	if got := c.String(); !strings.Contains(got, "about 15s left") {
		t.Errorf("far too late: %q", got)
	}
	if results != 3 {
		t.Errorf("the Config's own Done had %d results", results)
	}
	if got, want := Follow(nil, &Config{}, time.Now).Count(), "0 of 0 done: none; 0 not run"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAttempts: a subject or a wire that was changed on purpose fails at once.
func TestAttempts(t *testing.T) {
	for _, tt := range []struct {
		cfg          Config
		counted, all int
	}{
		{Config{}, 4, 12},
		{Config{Attempts: 2}, 2, 6},
		{Config{Settings: []tunable.Setting{{}}}, 1, 1},
		{Config{Impairments: []impair.Rule{{}}}, 1, 1},
		{Config{Impairments: []impair.Rule{{}}, Attempts: 3}, 3, 9},
	} {
		if counted, all := tt.cfg.attempts(); counted != tt.counted || all != tt.all {
			t.Errorf("%+v: %d of %d, want %d of %d", tt.cfg, counted, all, tt.counted, tt.all)
		}
	}
}

// TestAnswers: each built-in experiment has an answer that stands by itself.
func TestAnswers(t *testing.T) {
	const most = 110
	for _, e := range Corpus() {
		first, _, _ := strings.Cut(e.Answer, " ")
		switch {
		case e.Answer == "":
			t.Errorf("%s has no answer: say in a phrase what a run that passes shows", e.Name)
		case len(e.Answer) > most || strings.HasSuffix(e.Answer, "."):
			t.Errorf("%s: the answer is a phrase of at most %d characters without a full stop: %s", e.Name, most, e.Answer)
		case first == "It" || first == "They" || first == "One" || first == "None":
			t.Errorf("%s: the answer does not stand by itself: %s", e.Name, e.Answer)
		}
	}
}

func TestTextAnswersOnce(t *testing.T) {
	var b strings.Builder
	text := &Text{W: &b}
	one, two := &Experiment{Name: "one", Answer: "A close takes four segments"}, &Experiment{Name: "two", Shows: "It does."}
	text.Done(one, &Result{Experiment: "one", Subject: Lastack, Verdict: Fail, Why: "the close is open"})
	text.Done(one, &Result{Experiment: "one", Subject: Kernel, Verdict: Pass, Close: "four-way"})
	text.Done(two, &Result{Experiment: "two", Subject: Lastack, Verdict: Pass})
	text.Done(two, &Result{Experiment: "two", Subject: Kernel, Verdict: Pass, Attempts: 2, Earlier: []string{"late"}})
	want := `FAIL  lastack  one
               the close is open
PASS  kernel   one: A close takes four segments (four-way)
PASS  lastack  two: It does
PASS  kernel   two: the same
               (2 attempts; at first: late)
`
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	b.Reset()
	text = &Text{W: &b, Columns: 40, Color: true}
	text.Done(one, &Result{Experiment: "one", Subject: Kernel, Verdict: Pass, Close: "four-way"})
	for line := range strings.Lines(b.String()) {
		if n := len(strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(line, "\x1b[32m", ""), "\x1b[0m", ""), "\n")); n > 40 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}
