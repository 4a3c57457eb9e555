package report

import (
	"fmt"
	"io"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/experiment/junit"
	"lastack/harness/teardown/ladder"
)

// JUnit writes the results as the XML that build servers read: a suite for each subject, a
// case for each experiment. What failed comes with its ladders.
func JUnit(w io.Writer, all []*experiment.Experiment, results []experiment.Result) error {
	doc := junit.Suites{Name: "lastack run"}
	list := entries(all, results)
	for _, s := range experiment.SubjectsOf(results) {
		suite := junit.Suite{Name: s}
		for _, e := range list {
			if r := e.on(s); r != nil {
				addCase(&suite, e, r)
			}
		}
		doc.Suites = append(doc.Suites, suite)
		doc.Tests, doc.Failures, doc.Skipped = doc.Tests+suite.Tests, doc.Failures+suite.Failures, doc.Skipped+suite.Skipped
	}
	return junit.Write(w, &doc)
}

// addCase adds a result to a suite.
func addCase(s *junit.Suite, e *entry, r *experiment.Result) {
	c := junit.Case{Name: e.ID, Class: "lastack." + r.Subject, Seconds: fmt.Sprintf("%.3f", float64(r.TookMS)/1000)}
	s.Tests++
	switch r.Verdict {
	case experiment.Fail:
		s.Failures++
		c.Failure = &junit.Why{Message: r.Why, Text: e.evidence(r)}
	case experiment.Skipped:
		s.Skipped++
		c.Skipped = &junit.Why{Message: r.Why}
	}
	s.Cases = append(s.Cases, c)
}

// evidence is the question, the difference and the ladders.
func (e *entry) evidence(r *experiment.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", e.Question, r.Why)
	for _, c := range shown(r) {
		fmt.Fprintf(&b, "\n%s", ladder.Render(c, e.sides(r.Subject)))
	}
	return b.String()
}
