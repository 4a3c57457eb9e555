package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/term"
)

// TAP writes results as they come, in version 14 of the Test Anything Protocol: a test
// for each experiment and subject. Make it with NewTAP.
type TAP struct {
	w *bufio.Writer
	n int
}

// NewTAP begins with the plan: how many results will come.
func NewTAP(w io.Writer, plan int) *TAP {
	t := &TAP{w: bufio.NewWriter(w)}
	fmt.Fprintf(t.w, "TAP version 14\n1..%d\n", plan)
	return t
}

// Done writes a result. It is for experiment.Config.Done; Close tells what failed.
func (t *TAP) Done(e *experiment.Experiment, r *experiment.Result) {
	t.n++
	name := tapText(e.Name + " on " + r.Subject)
	switch r.Verdict {
	case experiment.Pass:
		fmt.Fprintf(t.w, "ok %d - %s\n", t.n, name)
	case experiment.Skipped:
		fmt.Fprintf(t.w, "ok %d - %s # SKIP %s\n", t.n, name, tapText(r.Why))
	default:
		fmt.Fprintf(t.w, "not ok %d - %s\n  ---\n  message: %q\n  question: %q\n  attempts: %d\n  ...\n",
			t.n, name, r.Why, e.Question, r.Attempts)
	}
	_ = t.w.Flush() // Close tells
}

// Bail says why no more results come.
func (t *TAP) Bail(why error) { fmt.Fprintf(t.w, "Bail out! %s\n", tapText(why.Error())) }

// Close ends the output and returns the first error of writing it.
func (t *TAP) Close() error { return t.w.Flush() }

// tapText is text on one line in which nothing is taken for a directive.
func tapText(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(term.Escape(s))
}
