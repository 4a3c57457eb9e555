package report

import (
	"fmt"
	"slices"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
)

// entry is an experiment and what it came to on each subject.
type entry struct {
	*experiment.Experiment
	// ID is the name, made unique.
	ID      string
	Results []*experiment.Result
}

// entries gives the results to their experiments. Of two experiments of one name
// the first gets the first result of that name on each subject.
func entries(all []*experiment.Experiment, results []experiment.Result) []*entry {
	var out []*entry
	waiting := map[[2]string][]*experiment.Result{}
	for i := range results {
		r := &results[i]
		key := [2]string{r.Experiment, r.Subject}
		waiting[key] = append(waiting[key], r)
	}
	seen, subjects := map[string]int{}, drawnFirst(results)
	for _, e := range all {
		en := &entry{Experiment: e, ID: e.Name}
		if seen[e.Name]++; seen[e.Name] > 1 {
			en.ID = fmt.Sprintf("%s_%d", e.Name, seen[e.Name])
		}
		for _, s := range subjects {
			key := [2]string{e.Name, s}
			if len(waiting[key]) > 0 {
				en.Results, waiting[key] = append(en.Results, waiting[key][0]), waiting[key][1:]
			}
		}
		out = append(out, en)
	}
	return out
}

// drawnFirst are the subjects of the results, lastack and the kernel before others.
func drawnFirst(results []experiment.Result) []string {
	all := experiment.SubjectsOf(results)
	return append(slices.DeleteFunc(experiment.Subjects(), func(s string) bool { return !slices.Contains(all, s) }),
		slices.DeleteFunc(all, func(s string) bool { return slices.Contains(experiment.Subjects(), s) })...)
}

// on is the result on a subject, nil if there is none.
func (e *entry) on(subject string) *experiment.Result {
	for _, r := range e.Results {
		if r.Subject == subject {
			return r
		}
	}
	return nil
}

// Verdict is the worst there is: one subject's failure is the experiment's, and
// it was skipped if it was run on none.
func (e *entry) Verdict() string {
	verdict := experiment.Skipped
	for _, r := range e.Results {
		switch r.Verdict {
		case experiment.Fail:
			return experiment.Fail
		case experiment.Pass:
			verdict = experiment.Pass
		}
	}
	return verdict
}

// few is how many connections of a result are all drawn.
const few = 3

// shown are the connections that are drawn: all if they are few, else the one that
// the result is about.
func shown(r *experiment.Result) (out []*teardown.Report) {
	switch {
	case r.Report == nil:
		return nil
	case len(r.All) == 0 || len(r.All) > few:
		return []*teardown.Report{r.Report}
	}
	for i := range r.All {
		out = append(out, &r.All[i])
	}
	return out
}

// shownBehind are those of the server's leg, likewise.
func shownBehind(r *experiment.Result) (out []*teardown.Report) {
	switch {
	case r.Behind == nil || r.Behind.Report == nil:
		return nil
	case len(r.Behind.All) == 0 || len(r.Behind.All) > few:
		return []*teardown.Report{r.Behind.Report}
	}
	for i := range r.Behind.All {
		out = append(out, &r.Behind.All[i])
	}
	return out
}

// leg says which leg of a path it is; empty if there is one wire only.
func (e *entry) leg(where string) string {
	if what := e.Between(); what != "" {
		return where + " " + what
	}
	return ""
}

// sidesBehind says what client and server were on the server's leg.
func (e *entry) sidesBehind(subject string) ladder.Config {
	client, server := e.SidesBehind(subject)
	return ladder.Config{Client: client, Server: server}
}

// sides says what client and server were.
func (e *entry) sides(subject string) ladder.Config {
	client, server := e.Experiment.Sides(subject)
	return ladder.Config{Client: client, Server: server}
}

// Numbers are those of the claims that it examines.
func (e *entry) Numbers() string {
	var n []string
	for _, c := range e.Claims {
		n = append(n, fmt.Sprint(c))
	}
	return strings.Join(n, ", ")
}
