package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/teardown/ladder"
)

// JUnit writes the results as the XML that build servers read: a suite for each subject, a
// case for each experiment. What failed comes with its ladders.
func JUnit(w io.Writer, all []*experiment.Experiment, results []experiment.Result) error {
	doc := junitSuites{Name: "lastack run"}
	list := entries(all, results)
	for _, s := range experiment.SubjectsOf(results) {
		suite := junitSuite{Name: s}
		for _, e := range list {
			if r := e.on(s); r != nil {
				suite.add(e, r)
			}
		}
		doc.Suites = append(doc.Suites, suite)
		doc.Tests, doc.Failures, doc.Skipped = doc.Tests+suite.Tests, doc.Failures+suite.Failures, doc.Skipped+suite.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string    `xml:"name,attr"`
	Class   string    `xml:"classname,attr"`
	Seconds string    `xml:"time,attr"`
	Failure *junitWhy `xml:"failure"`
	Skipped *junitWhy `xml:"skipped"`
}

type junitWhy struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (s *junitSuite) add(e *entry, r *experiment.Result) {
	c := junitCase{Name: e.ID, Class: "lastack." + r.Subject, Seconds: fmt.Sprintf("%.3f", float64(r.TookMS)/1000)}
	s.Tests++
	switch r.Verdict {
	case experiment.Fail:
		s.Failures++
		c.Failure = &junitWhy{Message: r.Why, Text: e.evidence(r)}
	case experiment.Skipped:
		s.Skipped++
		c.Skipped = &junitWhy{Message: r.Why}
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
