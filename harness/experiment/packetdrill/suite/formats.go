package suite

import (
	"fmt"
	"io"
	"strings"

	"lastack/harness/experiment/junit"
	"lastack/harness/term"
)

// WriteTAP writes the results as the Test Anything Protocol, version 13. A known
// difference is a "todo": it may fail.
func WriteTAP(w io.Writer, all []*Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 13\n1..%d\n", len(all))
	for i, r := range all {
		word, after := "ok", ""
		if r.Verdict != Pass {
			word = "not ok"
		}
		if r.Known != nil {
			after = " # TODO " + oneLine(r.Known.explain())
		}
		if r.Surprise && r.Verdict == Pass {
			word, after = "not ok", "" // it is known to fail
		}
		name := strings.ReplaceAll(oneLine(r.File), "#", `\#`)
		fmt.Fprintf(&b, "%s %d - %s%s\n", word, i+1, name, after)
		if r.Verdict != Pass || r.Surprise {
			fmt.Fprintf(&b, "  ---\n  verdict: %s\n  line: %d\n  why: %q\n", r.Verdict, r.Line, r.reason())
			if r.Expected != "" {
				fmt.Fprintf(&b, "  expected: %q\n  got: %q\n", squeeze(r.Expected), squeeze(r.Got))
			}
			b.WriteString("  ...\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func oneLine(s string) string { return term.Escape(squeeze(s)) }

func (r *Result) reason() string {
	if r.Surprise && r.Verdict == Pass {
		return "known to fail, and passes: " + r.Known.Why
	}
	return r.Why
}

// WriteJUnit writes the results as JUnit's XML. A known difference is a skipped test, and
// times are the subject's.
func WriteJUnit(w io.Writer, all []*Result) error {
	s := junit.Suite{Name: "packetdrill", Tests: len(all)}
	for _, r := range all {
		c := junit.Case{Name: name(r.File), Class: r.File, Seconds: fmt.Sprintf("%.6f", float64(r.SubjectUS)/1e6)}
		why := &junit.Why{Message: r.reason()}
		if r.Line > 0 {
			why.Message = fmt.Sprintf("line %d: %s", r.Line, why.Message)
		}
		if r.Expected != "" {
			why.Text = fmt.Sprintf("expected %s\ngot      %s\n", squeeze(r.Expected), squeeze(r.Got))
		}
		switch {
		case r.OK() && r.Known != nil:
			s.Skipped++
			c.Skipped = &junit.Why{Message: r.Known.explain()}
		case r.OK():
		case r.Verdict == Error:
			s.Errors++
			c.Error = why
		default:
			s.Failures++
			c.Failure = why
		}
		s.Cases = append(s.Cases, c)
	}
	return junit.Write(w, &s)
}
