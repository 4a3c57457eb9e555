package claims

import (
	"slices"
	"strings"
	"testing"

	"lastack/harness/experiment"
)

// TestTable: the 49 claims are there, each once, and each is decided by something.
func TestTable(t *testing.T) {
	all := All()
	if len(all) != 49 {
		t.Errorf("%d claims", len(all))
	}
	var names []string
	for _, e := range experiment.Corpus() {
		names = append(names, e.Name)
	}
	for i, c := range all {
		if c.Number != i+1 {
			t.Errorf("claim %d at place %d", c.Number, i+1)
		}
		if c.Text == "" || c.Truth == "" || c.Source == "" || c.Expect == "" {
			t.Errorf("claim %d is not complete: %+v", c.Number, c)
		}
		if c.judge == nil {
			t.Errorf("claim %d: nothing judges it", c.Number)
		}
		if (c.Differs == "") != (c.Why == "") {
			t.Errorf("claim %d: what differs on lastack has a reason", c.Number)
		}
		for _, name := range c.names() {
			if !slices.Contains(names, name) {
				t.Errorf("claim %d: there is no experiment %q", c.Number, name)
			}
		}
	}
}

// TestMarks: what a claim is judged by says in its file that it examines the
// claim, and no file says so of a claim that no experiment decides.
func TestMarks(t *testing.T) {
	marked := map[string][]int{}
	for _, e := range experiment.Corpus() {
		marked[e.Name] = e.Claims
	}
	for _, c := range All() {
		for _, name := range c.names() {
			if !slices.Contains(marked[name], c.Number) {
				t.Errorf("claim %d is judged by %s, whose claims are %v", c.Number, name, marked[name])
			}
		}
		for name, claims := range marked {
			if slices.Contains(claims, c.Number) && len(c.Tries) == 0 && len(c.Programs) > 0 {
				t.Errorf("%s has the mark of claim %d, which only programs try", name, c.Number)
			}
		}
	}
}

func TestSelect(t *testing.T) {
	cs, err := Select([]int{20, 3, 20})
	if err != nil || len(cs) != 2 || cs[0].Number != 20 || cs[1].Number != 3 {
		t.Errorf("%v, %v", cs, err)
	}
	if _, err = Select([]int{50}); err == nil || !strings.Contains(err.Error(), "there is no claim 50; they are numbered 1 to 49") {
		t.Errorf("%v", err)
	}
}

// TestExperiments: each is run once, however many claims use it.
func TestExperiments(t *testing.T) {
	cs, err := Select([]int{21, 22, 1})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range Experiments(cs) {
		names = append(names, e.Name)
	}
	if want := []string{"four-way-slow-closer", "three-way"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}
