package bench

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/term/golden"
)

// fake measures without a machine: lastack makes twice the connections of the others.
func fake(rounds int) *comparison {
	n := 0.0
	return &comparison{
		cfg: Config{Rounds: rounds}, begin: time.Now(),
		loop: func() time.Duration { return time.Millisecond },
		measure: func(r *run) (sample, error) {
			n++
			s := sample{"rate": 5000 + n, "made": 100, "cpu_us": 150, "packets": 10, "failures": 0, "gbit": 0.5, "cpu_ms_per_gb": 9000}
			if strings.HasPrefix(r.Subject, lastack) {
				s["rate"], s["packets"], s["gbit"] = 10_000, 9, 5.5
			}
			return s, nil
		},
	}
}

func caseNamed(t *testing.T, name string) []Case {
	t.Helper()
	c := Config{Groups: []string{name}}
	cases, err := c.cases()
	if err != nil || len(cases) != 1 {
		t.Fatalf("cases of %s: %d, %v", name, len(cases), err)
	}
	return cases
}

func TestRender(t *testing.T) {
	c := fake(3)
	results, err := c.all(append(caseNamed(t, "churn-server-first-16"), caseNamed(t, "bulk-to")...))
	if err != nil {
		t.Fatal(err)
	}
	results[0].Dropped, results[0].Subjects[2].Failures = 2, 7
	r := &Report{Machine: Machine{Kernel: "6.18.0", CPUs: 2, Go: "go1.26"}, Cases: results}
	var text, svg bytes.Buffer
	if err := errors.Join(r.Render(&text), r.SVG(&svg)); err != nil {
		t.Fatal(err)
	}
	golden.Match(t, "testdata/report.txt", text.Bytes())
	golden.Match(t, "testdata/report.svg", svg.Bytes())
	for line := range strings.Lines(text.String()) {
		if len(line) > 81 {
			t.Errorf("more than 80 columns: %q", line)
		}
	}
	if what, failed := r.Failed(); !failed || what != "churn-server-first-16: 7 connections to gvisor failed" {
		t.Errorf("Failed: %q, %v", what, failed)
	}
}

// Every name of a case is unique, its subjects and its measure exist, and its claims
// are about what it has.
func TestCatalogue(t *testing.T) {
	for _, quick := range []bool{false, true} {
		seen := map[string]bool{}
		for _, k := range catalogue(quick) {
			if seen[k.Name] || k.Title == "" || len(k.metrics) == 0 || !slices.Contains(Groups, k.Group) {
				t.Errorf("case %+v", k)
			}
			seen[k.Name] = true
			if _, ok := measures[k.run.Measure]; !ok {
				t.Errorf("%s: no measure %q", k.Name, k.run.Measure)
			}
			for _, s := range k.subjects {
				if _, err := find(s); err != nil {
					t.Errorf("%s: %v", k.Name, err)
				}
			}
			for _, c := range k.claims {
				known := slices.ContainsFunc(k.metrics, func(m metric) bool { return m.key == c.key })
				if !known || !slices.Contains(k.subjects, c.of) || c.to != "" && !slices.Contains(k.subjects, c.to) {
					t.Errorf("%s: claim %+v", k.Name, c)
				}
			}
		}
	}
}

func TestSubjectsTakeTurns(t *testing.T) {
	c := fake(2)
	var order []string
	measure := c.measure
	c.measure = func(r *run) (sample, error) { order = append(order, r.Subject); return measure(r) }
	var told []Progress
	c.cfg.Progress = func(p Progress) { told = append(told, p) }
	if _, err := c.all(caseNamed(t, "tracing")); err != nil {
		t.Fatal(err)
	}
	if want := []string{lastack, lastackTraced, lastackTraced, lastack}; !slices.Equal(order, want) {
		t.Errorf("ran %v, want %v", order, want)
	}
	if last := told[len(told)-1]; len(told) != 4 || last.Done != 3 || last.Runs != 4 || last.Round != 2 || last.Left <= 0 {
		t.Errorf("told %d times, the last %+v", len(told), last)
	}
}

// A round in which the machine's speed moved is dropped, counted and made up for, but
// not for ever.
func TestUnsteadyRoundsAreDropped(t *testing.T) {
	for _, tt := range []struct {
		name            string
		loops           []time.Duration // of each round, the last for the rest
		quick           bool
		rounds, dropped int
	}{
		{"steady", []time.Duration{100}, false, 3, 0},
		{"within bounds", []time.Duration{114}, false, 3, 0},
		{"once", []time.Duration{100, 140, 100}, false, 3, 1},
		{"always", []time.Duration{140}, false, 0, 6},
		{"always, but quick", []time.Duration{140}, true, 3, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := fake(3)
			c.cfg.Quick = tt.quick
			calls := 0
			c.loop = func() time.Duration {
				round := min(calls/3, len(tt.loops)-1) // before each of two subjects, and after
				calls++
				if calls%3 == 2 {
					return tt.loops[round]
				}
				return 100
			}
			res, err := c.all(caseNamed(t, "tracing"))
			if err != nil || res[0].Rounds != tt.rounds || res[0].Dropped != tt.dropped {
				t.Errorf("%d rounds, %d dropped, %v; want %d, %d", res[0].Rounds, res[0].Dropped, err, tt.rounds, tt.dropped)
			}
			if tt.rounds == 0 && (res[0].Goals[0].Met || len(res[0].Goals[0].Value.Values) > 0) {
				t.Errorf("without a round the goal is %+v", res[0].Goals[0])
			}
		})
	}
}

// A case that takes minutes has its own bound of rounds.
func TestBoundedRounds(t *testing.T) {
	for asked, want := range map[int]int{1: 1, 5: 2} {
		c := fake(asked)
		res, err := c.all(caseNamed(t, "standing"))
		if err != nil || res[0].Rounds != want || c.planned != want || c.done != want {
			t.Errorf("of %d rounds %d, %d of %d runs, %v; want %d", asked, res[0].Rounds, c.done, c.planned, err, want)
		}
	}
}

// What was measured before an error is kept.
func TestErrorKeepsWhatThereIs(t *testing.T) {
	c := fake(1)
	boom := errors.New("boom")
	measure := c.measure
	c.measure = func(r *run) (sample, error) {
		if r.Measure == "bulk" {
			return nil, boom
		}
		return measure(r)
	}
	res, err := c.all(append(caseNamed(t, "tracing"), caseNamed(t, "bulk-to")...))
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "bulk-to") || len(res) != 1 {
		t.Errorf("%d results, %v", len(res), err)
	}
}

func TestJudge(t *testing.T) {
	rounds := []round{}
	for _, v := range [][2]float64{{10, 20}, {30, 45}, {10, 30}} {
		rounds = append(rounds, round{samples: map[string]sample{plain: {"rate": v[0]}, lastack: {"rate": v[1]}}})
	}
	for _, tt := range []struct {
		c    claim
		want float64
		met  bool
	}{
		{claim{key: "rate", of: lastack, to: plain, goal: 2}, 2, true}, // the median of 2, 1.5 and 3
		{claim{key: "rate", of: lastack, to: plain, goal: 2.1}, 2, false},
		{claim{key: "rate", of: lastack, to: plain, goal: 2, atMost: true}, 2, true},
		{claim{key: "rate", of: lastack, to: plain, goal: 1.9, atMost: true}, 2, false},
		{claim{key: "rate", of: lastack, goal: 30}, 30, true},
		{claim{key: "rate", of: lastack, to: veth, goal: 0}, 0, false}, // of which nothing is known
	} {
		if g := judge(tt.c, rounds); g.Value.Median != tt.want || g.Met != tt.met {
			t.Errorf("%+v: %v, met %v; want %v, %v", tt.c, g.Value.Median, g.Met, tt.want, tt.met)
		}
	}
}

func TestComplete(t *testing.T) {
	for _, tt := range []struct {
		c      Config
		rounds int
		err    string
	}{
		{Config{}, 5, ""},
		{Config{Quick: true}, 1, ""},
		{Config{Quick: true, Rounds: 3}, 3, ""},
		{Config{Groups: []string{"all"}}, 5, ""},
		{Config{Groups: []string{"churn", "bulk-to"}}, 5, ""},
		{Config{Groups: []string{"speed"}}, 0, `called "speed"; there are churn, `},
		{Config{Rounds: -1}, 0, "-1 rounds"},
	} {
		err := tt.c.Complete()
		switch {
		case tt.err == "" && (err != nil || tt.c.Rounds != tt.rounds):
			t.Errorf("%+v: %v", tt.c, err)
		case tt.err != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%+v: %v, want %q", tt.c, err, tt.err)
		}
	}
}
