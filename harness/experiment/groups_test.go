package experiment

import (
	"strings"
	"testing"
)

// TestGroups: every pattern of every group matches an experiment, and every experiment is
// in one.
func TestGroups(t *testing.T) {
	in := map[string]bool{}
	for _, g := range Groups() {
		all, err := InGroup(g.Name)
		if err != nil || len(all) == 0 {
			t.Errorf("%s: %d experiments, %v", g.Name, len(all), err)
		}
		for _, e := range all {
			in[e.Name] = true
		}
		for _, p := range g.patterns {
			if found, err := matching(p); err != nil || len(found) == 0 {
				t.Errorf("%s, %s: %v", g.Name, p, err)
			}
		}
	}
	for _, e := range Corpus() {
		if !in[e.Name] {
			t.Errorf("%s is in no group", e.Name)
		}
	}
}

func TestSelectPatternsAndGroups(t *testing.T) {
	all, err := Select([]string{"slow-closer-*", "slow-closer-30"}, "forged")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range all {
		seen[e.Name]++
	}
	if seen["slow-closer-30"] != 1 || seen["forged-rst"] != 1 || seen["three-way"] != 0 {
		t.Errorf("%v", seen)
	}
	for _, tt := range []struct {
		args, groups []string
		want         string
	}{
		{[]string{"nothing-*"}, nil, "no experiment's name matches"},
		{[]string{"[a"}, nil, "a bracket is not closed"},
		{nil, []string{"time-wiat"}, "did you mean \"time-wait\"?"},
	} {
		if _, err := Select(tt.args, tt.groups...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}
