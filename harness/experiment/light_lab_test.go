package experiment_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/experiment/claims"
	"lastack/harness/lab/labtest"
	"lastack/harness/teardown"
)

// checkLight runs the corpus on a lastack that serves connections light: each experiment has
// the verdict and the segments that it has on one that leaves all to netstack, whose results
// are given, and so has each claim.
func checkLight(t *testing.T, plain []experiment.Result) {
	t.Helper()
	cfg := lightConfig(t, "1")
	cfg.Done = (&experiment.Text{W: t.Output()}).Done
	light, err := experiment.Run(t.Context(), experiment.Corpus(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range light {
		l := &light[i]
		at := slices.IndexFunc(plain, func(r experiment.Result) bool {
			return r.Experiment == l.Experiment && r.Subject == l.Subject
		})
		p := &plain[at]
		if unmeasured(t, l) || unmeasured(t, p) {
			continue
		}
		if l.Verdict != p.Verdict {
			t.Errorf("%s: light %s: %s; plain %s: %s", l.Experiment, l.Verdict, l.Why, p.Verdict, p.Why)
		} else if l.Verdict == experiment.Pass {
			checkShapes(t, p, l)
		}
	}
	compareClaims(t, plain, light)
}

// TestTraceLight: what a host that serves connections light says of its segments is what was on
// the wire.
func TestTraceLight(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	all, err := experiment.Select([]string{"three-way", "four-way-slow-closer", "server-first", "half-close-data"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := lightConfig(t, "1")
	cfg.Trace = true
	results, err := experiment.Run(t.Context(), all, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		// Whether segments crossed is another matter for who stands at the host.
		if r.Compared == nil || !r.Compared.Same {
			t.Errorf("%s: %s: %s; the trace against the capture: %+v", r.Experiment, r.Verdict, r.Why, r.Compared)
		}
	}
}

// lightConfig is for lastack with lastack.light as given.
func lightConfig(t *testing.T, value string) experiment.Config {
	t.Helper()
	cfg := experiment.Config{Subjects: []string{experiment.Lastack}}
	if err := cfg.ParseAlterations([]string{"lastack.light=" + value}, nil); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// checkShapes wants what a light host did to be something that a plain one does. Both are tried
// again where they differ: what comes first of two things that happen at a time is chance.
func checkShapes(t *testing.T, plain, light *experiment.Result) {
	t.Helper()
	shapes := map[string][]string{"0": {shape(plain)}, "1": {shape(light)}}
	for range 8 {
		if slices.ContainsFunc(shapes["1"], func(s string) bool { return slices.Contains(shapes["0"], s) }) {
			return
		}
		e, err := experiment.Select([]string{plain.Experiment})
		if err != nil {
			t.Fatal(err)
		}
		for value := range shapes {
			r, err := experiment.Run(t.Context(), e, lightConfig(t, value))
			if err != nil {
				t.Fatal(err)
			}
			if r[0].Verdict == experiment.Pass {
				shapes[value] = append(shapes[value], shape(&r[0]))
			}
		}
	}
	t.Errorf("%s: a light host never does as a plain one:\nlight %q\nplain %q", plain.Experiment, shapes["1"], shapes["0"])
}

// shape is what an experiment came to, without times and without what a client chooses anew
// each time. Lost segments are apart: no capture says when they left.
func shape(r *experiment.Result) string {
	s := fmt.Sprintf("%s, failures %d, TIME_WAIT %d %d", r.Verdict, r.Failures, r.TimeWaitClient, r.TimeWaitServer)
	if r.Load != nil {
		return r.Verdict // its numbers are of as many connections as there was time for
	}
	if r.States != nil {
		s += fmt.Sprintf(", states %s %s", r.States.Client, r.States.Server)
	}
	for _, a := range r.Answers {
		s += fmt.Sprintf(", %s got %s", a.Step, a.Got)
	}
	for i := range r.All {
		c := &r.All[i]
		s += fmt.Sprintf("\n%s by %s, TIME_WAIT %s:", c.Close, c.ActiveCloser, c.TimeWait)
		var lost []string
		for j := range c.Segments {
			if l := &c.Segments[j]; l.Lost {
				lost = append(lost, lineShape(l))
			} else {
				s += " " + lineShape(l)
			}
		}
		slices.Sort(lost)
		s += fmt.Sprint(" lost ", lost)
	}
	return s
}

func lineShape(l *teardown.Line) string {
	if l.Elided != nil {
		return "..."
	}
	return fmt.Sprintf("%s %s len %d %s %s %v;", l.From, l.Flags, l.Len, cmp.Or(l.Carries, "-"), l.Outcome, l.Again)
}

// compareClaims judges all claims both ways, by the same experiments.
func compareClaims(t *testing.T, plain, light []experiment.Result) {
	t.Helper()
	judge := func(results []experiment.Result) *claims.Report {
		r, err := claims.Judge(claims.All(), results, &experiment.Config{Subjects: []string{experiment.Lastack}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	number := regexp.MustCompile(`\d+(\.\d+)?`)
	p, l := judge(plain), judge(light)
	tried := 0
	for i, c := range p.Claims {
		was, is := p.Outcomes[i][0], l.Outcomes[i][0]
		if is.Verdict != claims.NotTried {
			tried++
		}
		if was.Verdict != is.Verdict || !is.AsExpected {
			t.Errorf("claim %d: light %s: %s; plain %s: %s", c.Number, is.Verdict, is.Evidence, was.Verdict, was.Evidence)
		}
		if number.ReplaceAllString(was.Evidence, "#") != number.ReplaceAllString(is.Evidence, "#") {
			t.Errorf("claim %d: evidence differs: light %s; plain %s", c.Number, is.Evidence, was.Evidence)
		}
	}
	if tried < 40 {
		t.Errorf("%d claims were tried, want 40 at least", tried)
	}
}
