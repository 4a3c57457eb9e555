package claims

import (
	"fmt"
	"slices"

	"lastack/harness/experiment"
	"lastack/harness/experiment/programs"
)

// Mark is a verdict on a claim.
type Mark string

// The verdicts.
const (
	Holds    Mark = "holds"
	InPart   Mark = "in part"
	No       Mark = "does not hold"
	Unclear  Mark = "unclear"   // an experiment failed
	NotTried Mark = "not tried" // or, as what was expected, not known
)

// Claim is one of the 49.
type Claim struct {
	Number int
	Text   string
	// Source is the document: N, A, or both.
	Source string
	// Expect is what came out on Linux when it was measured for the first time.
	Expect Mark
	// Truth is what there is to say about it, in one sentence.
	Truth string
	// Differs is what comes out on lastack, where that is meant to be something
	// else, and Why is the reason.
	Differs Mark
	Why     string
	// Tries are the experiments without which there is no verdict. Also are
	// those that count where they can be run.
	Tries, Also []string
	// Programs are the trials with real applications that there is no verdict without.
	Programs []programs.Trial

	judge func(s *seen) Finding
}

// Finding is what the measurements say about a claim on one subject.
type Finding struct {
	Mark Mark
	// Evidence is a phrase with the measured figures.
	Evidence string
}

// All are the 49 claims in the order of their numbers.
func All() []*Claim {
	var all []*Claim
	for _, part := range [][]Claim{handshake, closeWait, segments, timeWait, ports, remedies, others} {
		for i := range part {
			all = append(all, &part[i])
		}
	}
	slices.SortFunc(all, func(a, b *Claim) int { return a.Number - b.Number })
	return all
}

// Select finds claims by their numbers; none means all.
func Select(numbers []int) ([]*Claim, error) {
	all := All()
	if len(numbers) == 0 {
		return all, nil
	}
	var out []*Claim
	for _, n := range numbers {
		i := slices.IndexFunc(all, func(c *Claim) bool { return c.Number == n })
		if i < 0 {
			return nil, fmt.Errorf("there is no claim %d; they are numbered 1 to %d", n, len(all))
		}
		if !slices.Contains(out, all[i]) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

// names are those of all the claim's experiments.
func (c *Claim) names() []string { return slices.Concat(c.Tries, c.Also) }

// expected is what should come out on the subject.
func (c *Claim) expected(subject string) Mark {
	if subject == experiment.Lastack && c.Differs != "" {
		return c.Differs
	}
	return c.Expect
}

// Experiments are those that the claims need, each once, in the order in which the claims
// need them.
func Experiments(cs []*Claim) (all []*experiment.Experiment) {
	for _, c := range cs {
		for _, e := range experiment.Corpus() {
			if slices.Contains(c.names(), e.Name) && !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	return all
}
