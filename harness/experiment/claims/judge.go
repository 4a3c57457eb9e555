package claims

import (
	"fmt"
	"strings"

	"lastack/harness/experiment"
)

// Outcome is what became of a claim on one subject.
type Outcome struct {
	Verdict Mark `json:"verdict"`
	// Evidence is what was measured; of a claim that was not tried, why.
	Evidence string `json:"evidence"`
	// Measured is what the figures say where the verdict is unclear.
	Measured Mark `json:"measured,omitempty"`
	// Expected is what came out when it was measured for the first time.
	Expected Mark `json:"expected"`
	// AsExpected: the verdict is that one, or nothing was tried.
	AsExpected bool `json:"as_expected"`
}

// Subject is what was measured on one subject.
type Subject struct {
	Name    string
	Results []experiment.Result
	// Settings are the defaults of the tunables that claims are about. The subject does
	// not have what is missing.
	Settings map[string]string
}

// Judge decides the claim by what was measured on the subject.
func (c *Claim) Judge(on *Subject) Outcome {
	f, measured := c.find(on)
	o := Outcome{Verdict: f.Mark, Evidence: f.Evidence, Measured: measured, Expected: c.expected(on.Name)}
	o.AsExpected = o.Verdict == NotTried || o.Verdict == o.Expected
	return o
}

// find is the finding, and what the measurements say if that is unclear.
func (c *Claim) find(on *Subject) (Finding, Mark) {
	if c.judge == nil {
		return Finding{NotTried, c.needs()}, ""
	}
	s := &seen{results: map[string]*experiment.Result{}, settings: on.Settings}
	for i := range on.Results {
		s.results[on.Results[i].Experiment] = &on.Results[i]
	}
	if why := s.untried(c.Tries); why != "" {
		return Finding{NotTried, why}, ""
	}
	why := s.broken(c.names())
	if why == "" {
		return c.judge(s), ""
	}
	for _, name := range c.Tries {
		if !s.has(name) {
			return Finding{Unclear, why}, ""
		}
	}
	f := c.judge(s)
	return Finding{Unclear, fmt.Sprintf("%s (as measured, it %s: %s)", why, f.Mark.verb(), f.Evidence)}, f.Mark
}

// needs is why a claim is never tried.
func (c *Claim) needs() string {
	if strings.HasPrefix(c.Needs, "no experiment") {
		return c.Needs
	}
	return "needs " + c.Needs
}

// untried is why one of the experiments was not run; empty if all were.
func (s *seen) untried(names []string) string {
	for _, name := range names {
		switch r := s.results[name]; {
		case r == nil:
			return name + " was not run"
		case r.Verdict == experiment.Skipped:
			return name + ": " + r.Why
		}
	}
	return ""
}

// broken is the first experiment that failed, and why, or one without a
// connection to look at.
func (s *seen) broken(names []string) string {
	for _, name := range names {
		switch r := s.results[name]; {
		case r == nil || r.Verdict == experiment.Skipped:
		case r.Verdict == experiment.Fail:
			return fmt.Sprintf("%s failed: %s", name, r.Why)
		case r.Report == nil || r.States == nil:
			return name + " saw no connection"
		}
	}
	return ""
}

// verb is the mark as the end of a sentence about a claim.
func (m Mark) verb() string {
	switch m {
	case InPart:
		return "holds in part"
	case Unclear, NotTried:
		return "is " + string(m)
	}
	return string(m)
}
