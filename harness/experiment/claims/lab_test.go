package claims

import (
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/lab/labtest"
)

// TestRun: both stacks, measured now, give the claims that most people get
// wrong the verdicts that were measured before.
func TestRun(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	cs, err := Select([]int{12, 18, 19, 20, 22, 29, 30, 31, 33, 34, 36, 38})
	if err != nil {
		t.Fatal(err)
	}
	var places []int
	r, err := Run(t.Context(), cs, experiment.Config{Done: (&experiment.Text{W: t.Output()}).Done}, func(r *Report, at int) {
		if next := cs[len(places)]; r.Claims[at] != next {
			t.Errorf("claim %d was judged before claim %d", r.Claims[at].Number, next.Number)
		}
		places = append(places, at)
	})
	if err != nil {
		t.Fatal(err)
	}
	Text{W: t.Output()}.Table(r)
	for i, c := range cs {
		for j, o := range r.Outcomes[i] {
			if o.Verdict == NotTried || !o.AsExpected {
				t.Errorf("claim %d on %s: %s, expected %s: %s", c.Number, r.Subjects[j].Name, o.Verdict, o.Expected, o.Evidence)
			}
		}
	}
	if len(r.Subjects) != 2 || r.Subjects[0].Name != experiment.Kernel || !r.AsExpected() {
		t.Errorf("subjects %v", r.Subjects)
	}
}

// TestApplicationsLight: the claim about pools comes out as ever where lastack serves their
// connections light. All other claims are compared by what tries the experiments
// (TestRunCorpus).
func TestApplicationsLight(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	cs, err := Select([]int{45})
	if err != nil {
		t.Fatal(err)
	}
	cfg := experiment.Config{Subjects: []string{experiment.Lastack}}
	if err := cfg.ParseAlterations([]string{"lastack.light=1"}, nil); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), cs, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	Text{W: t.Output()}.Table(r)
	if o := r.Outcomes[0][0]; o.Verdict == NotTried || !o.AsExpected {
		t.Errorf("%s, expected %s: %s", o.Verdict, o.Expected, o.Evidence)
	}
}
