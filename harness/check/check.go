package check

import (
	"fmt"
	"slices"
	"strings"

	"lastack/harness/teardown"
)

// Verdict is what a check came to.
type Verdict string

// The three verdicts. The names are those of the JSON output and never change.
const (
	// Pass: applications notice no difference from a direct connection.
	Pass Verdict = "pass"
	// Differs: they do, as How says.
	Differs Verdict = "differs"
	// Skip: it was not tried, as How says.
	Skip Verdict = "skip"
)

// Check is one check and what came of it. The first four fields are those of the JSON
// output whose names never change.
type Check struct {
	Name    string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	// How says what was seen, or why nothing was tried.
	How string `json:"how"`
	// Breaks says in a sentence what a difference breaks for applications.
	Breaks string `json:"breaks"`
	// Known: the difference was expected, and fails nothing.
	Known bool `json:"known,omitempty"`
	// Legs are the connections that show it.
	Legs []Leg `json:"legs,omitempty"`
}

// Conclude gives c, which has a name, its legs and what a difference would break, the
// verdict and the words: a reason to skip it comes first, and then differences, which stand
// before what else was noted.
func Conclude(c Check, skip string, differs, notes []string) Check {
	said, breaks := notes, c.Breaks
	c.Verdict, c.Breaks = Pass, ""
	switch {
	case skip != "":
		c.Verdict, said = Skip, []string{skip}
	case len(differs) > 0:
		c.Verdict, c.Breaks = Differs, breaks
		said = append(append([]string(nil), differs...), notes...)
	}
	c.How = strings.Join(said, "; ")
	return c
}

// Leg is a connection that shows what a Check says.
type Leg struct {
	// Name says which it is: "client leg".
	Name string `json:"leg"`
	// Client and Server say what each end of it is: "proxy".
	Client string          `json:"client"`
	Server string          `json:"server"`
	Report teardown.Report `json:"connection"`
}

// Document is what --json prints.
type Document struct {
	Checks []Check `json:"checks"`
	Passed bool    `json:"passed"`
	// Interrupted: the work was interrupted, and the rest of the checks is missing.
	Interrupted bool `json:"interrupted,omitempty"`
}

// JSON is the Document about checks.
func JSON(checks []Check) Document {
	if checks == nil {
		checks = []Check{}
	}
	return Document{Checks: checks, Passed: Passed(checks)}
}

// CutJSON is the Document about the checks that were made until the work was interrupted.
func CutJSON(checks []Check) Document {
	d := JSON(checks)
	d.Passed, d.Interrupted = false, true
	return d
}

// Passed reports whether every difference is a known one.
func Passed(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return c.Verdict == Differs && !c.Known })
}

// MarkKnown marks the differences of the named checks as known.
func MarkKnown(checks []Check, names []string) {
	for i := range checks {
		c := &checks[i]
		c.Known = c.Verdict == Differs && slices.Contains(names, c.Name)
	}
}

// Names checks that each of the given names is one of all, and that none is given twice.
// flag is where they were given, for the error.
func Names(flag string, given, all []string) error {
	for i, name := range given {
		if !slices.Contains(all, name) {
			return fmt.Errorf("%s %q: there is no such check; there are %s", flag, name, strings.Join(all, ", "))
		}
		if slices.Contains(given[:i], name) {
			return fmt.Errorf("%s %s is given twice", flag, name)
		}
	}
	return nil
}
