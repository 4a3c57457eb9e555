package suite

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/term"
	"lastack/harness/term/paragraph"
)

// Text says how to write results for people.
type Text struct {
	// Color allows ANSI colours. Width is the terminal's, in columns, for ladders and
	// explanations; 0 breaks no explanation, and leaves ladders at 80.
	Color bool
	Width int
	// Verbose shows the whole exchange of each script, and its ladder; else that of those
	// that failed as nobody expected is shown up to where it failed.
	Verbose bool
}

// verdictColours are ANSI's.
var verdictColours = map[string]string{Pass: "32", Fail: "31", Error: "33"}

func (t *Text) verdict(r *Result) string {
	word := r.Verdict
	switch {
	case r.Surprise:
		word = "surprise"
	case r.Known != nil:
		word = "known"
	}
	if !t.Color {
		return fmt.Sprintf("%-8s", word)
	}
	return "\x1b[" + verdictColours[r.Verdict] + "m" + fmt.Sprintf("%-8s", word) + "\x1b[0m"
}

// Write writes one result.
func (t *Text) Write(w io.Writer, r *Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", t.verdict(r), term.Quote(r.File))
	if r.Line > 0 {
		fmt.Fprintf(&b, ":%d", r.Line)
	}
	if r.Why != "" {
		fmt.Fprintf(&b, ": %s", term.Escape(r.Why))
	}
	b.WriteByte('\n')
	if r.Surprise {
		t.explain(&b, "known to fail, and does not: "+r.Known.Why)
	} else if r.Known != nil {
		t.explain(&b, r.Known.explain())
	}
	show := t.Verbose || r.Verdict != Pass && r.Known == nil
	if show && r.Expected != "" {
		t.sides(&b, r)
	}
	if t.Verbose {
		t.exchange(&b, r)
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "    note: %s\n", term.Escape(n))
		}
	}
	if show && r.Outcome != nil {
		for _, l := range Ladders(r.Outcome, max(0, t.Width-len(textIndent)), t.Color, t.Verbose) {
			b.WriteByte('\n')
			b.WriteString(indent(l, textIndent))
		}
		if len(r.Outcome.Exchange) > 0 {
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// textIndent is what stands before each line below a verdict.
const textIndent = "    "

// explain writes why a difference is known.
func (t *Text) explain(b *strings.Builder, words string) {
	if t.Width > 0 {
		b.WriteString(paragraph.Hanging(words, textIndent, t.Width))
		return
	}
	fmt.Fprintf(b, "%s%s\n", textIndent, term.Escape(words))
}

func (d *Difference) explain() string {
	if d.Agrees == "" {
		return d.Why
	}
	return d.Why + " (" + d.Agrees + ")"
}

// sides writes what was expected and what came one below the other, from the same column.
func (t *Text) sides(b *strings.Builder, r *Result) {
	got := r.Got
	if got == "" {
		got = "nothing"
	}
	for _, side := range [][2]string{{"expected", r.Expected}, {"got", got}} {
		fmt.Fprintf(b, "    %-8s  %s\n", side[0], term.Escape(squeeze(side[1])))
	}
}

// squeeze makes of blanks and newlines one blank each.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// exchange writes the packets that went either way, and the system calls.
func (t *Text) exchange(b *strings.Builder, r *Result) {
	if r.Outcome == nil {
		return
	}
	for _, x := range r.Outcome.Exchange {
		line := "     "
		if x.Line > 0 {
			line = fmt.Sprintf("%5d", x.Line)
		}
		note := ""
		if x.Line == 0 {
			note = "    (no event asked for it)"
		}
		fmt.Fprintf(b, "  %s  %12.6f %s%s\n", line, x.At.Seconds(), term.Escape(arrow(&x)), note)
	}
}

func arrow(x *packetdrill.Exchanged) string {
	text := squeeze(x.Text)
	if x.Data == nil {
		return text
	}
	if strings.HasPrefix(text, "<") || strings.HasPrefix(text, ">") {
		return text
	}
	if x.Sent {
		return "> " + text
	}
	return "< " + text
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString(by)
		}
		b.WriteString(line)
	}
	return b.String()
}

// Summary is one line about all results.
func Summary(all []*Result, took time.Duration) string {
	var pass, known, fail, broken, surprise int
	var subject time.Duration
	for _, r := range all {
		subject += time.Duration(r.SubjectUS) * time.Microsecond
		switch {
		case r.Surprise:
			surprise++
		case r.Known != nil:
			known++
		case r.Verdict == Pass:
			pass++
		case r.Verdict == Fail:
			fail++
		default:
			broken++
		}
	}
	s := fmt.Sprintf("%d of %d pass", pass, len(all))
	for _, part := range []struct {
		n    int
		text string
	}{{fail, "%d fail"}, {broken, "%d could not be run"}, {known, "%d differ as is known"}, {surprise, "%d are known to fail and do not"}} {
		if part.n > 0 {
			s += ", " + fmt.Sprintf(part.text, part.n)
		}
	}
	return s + fmt.Sprintf("; %v of the subject's time in %v", subject.Round(time.Millisecond), took.Round(time.Millisecond))
}
