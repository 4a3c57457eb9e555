package experiment

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
	"lastack/harness/term"
	"lastack/harness/term/paragraph"
)

// WriteList writes what each experiment is called and asks, and where it is not run, on a
// terminal of so many columns (0: paragraph.Columns).
func WriteList(w io.Writer, all []*Experiment, columns int) error {
	var b strings.Builder
	for _, e := range all {
		b.WriteString(term.Quote(e.Name))
		if e.Slow {
			b.WriteString(" (slow)")
		}
		for _, s := range Subjects() {
			if e.Reason(s) != "" {
				b.WriteString(" (not on " + s + ")")
			}
		}
		b.WriteString("\n" + paragraph.Hanging(e.Question, "    ", columns))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Text prints results as they come, and sums them up.
type Text struct {
	W io.Writer
	// Color allows ANSI colours.
	Color bool
	// Ladders draws every connection; without, only those that failed.
	Ladders bool
	// Columns is the width of the terminal; 0 is paragraph.Columns.
	Columns int
	// Subjects are those that results come of, for which there is room.
	Subjects []string
	// Groups writes what group of the corpus the results belong to, above them.
	Groups bool

	passed string // the experiment whose answer was the last to be written
	group  string // the latest that was written
}

// Done writes a result: the answer to the experiment's question where it passed, and
// otherwise what was seen and why that is not right.
func (t *Text) Done(e *Experiment, r *Result) {
	t.heading(e)
	word := strings.ToUpper(r.Verdict)
	head := fmt.Sprintf("%-4s  %-*s  ", word, t.width(), r.Subject)
	lines := paragraph.Hanging(term.Quote(r.Experiment)+t.answer(e, r)+r.evidence(), head, t.Columns)
	fmt.Fprint(t.W, strings.Replace(lines, word, Shout(r.Verdict, t.Color), 1))
	if r.Why != "" {
		t.detail(r.Why)
	}
	if r.Attempts > 1 {
		t.detail(fmt.Sprintf("(%d attempts; at first: %s)", r.Attempts, r.Earlier[0]))
	}
	if r.Report == nil || !t.Ladders && r.Verdict != Fail {
		return
	}
	t.ladders(e, r)
	t.hang(fmt.Sprintf("states afterwards: client %s, %s %s", r.States.Client, r.Opposite(), r.States.Server), "")
	if r.Behind != nil && r.Behind.States != nil {
		t.hang(fmt.Sprintf("behind the proxy: proxy %s, server %s", r.Behind.States.Client, r.Behind.States.Server), "")
	}
	for _, a := range r.Answers {
		t.hang(fmt.Sprintf("%s: %s", a.Step, a.Got), "  ")
	}
	fmt.Fprintln(t.W)
}

// heading writes the experiment's group, if it is another than before.
func (t *Text) heading(e *Experiment) {
	g := e.group()
	if !t.Groups || g.Name == t.group {
		return
	}
	if t.group != "" {
		fmt.Fprintln(t.W)
	}
	fmt.Fprint(t.W, paragraph.Hanging(g.Name+": "+g.Doc, "", t.Columns))
	t.group = g.Name
}

// detail is below a result, as far in as its name, or less where there is little room.
func (t *Text) detail(text string) {
	fmt.Fprint(t.W, paragraph.Hanging(text, paragraph.Indent(len("PASS    ")+t.width(), t.Columns), t.Columns))
}

// answer is what a result that passed shows, once for all subjects.
func (t *Text) answer(e *Experiment, r *Result) string {
	switch {
	case r.Verdict != Pass:
		return ""
	case t.passed == e.Name:
		return ": the same"
	}
	t.passed = e.Name
	return ": " + strings.TrimSuffix(cmp.Or(e.Answer, e.Shows), ".")
}

// width is that of the longest name of a subject.
func (t *Text) width() int {
	width := len(Lastack)
	for _, s := range t.Subjects {
		width = max(width, len(s))
	}
	return width
}

// hang writes a paragraph that hangs from its indentation.
func (t *Text) hang(text, by string) { fmt.Fprint(t.W, paragraph.Hanging(text, by, t.Columns)) }

// few connections are all drawn.
const few = 3

// ladders draws every connection if they are few, else the one that the result
// is about.
func (t *Text) ladders(e *Experiment, r *Result) {
	cfg := ladder.Config{Color: t.Color, Width: t.Columns}
	cfg.Client, cfg.Server = e.Sides(r.Subject)
	drawn := r.All
	if len(drawn) > few {
		drawn = []teardown.Report{*r.Report}
	}
	for i := range drawn {
		fmt.Fprintf(t.W, "\n%s", ladder.Render(&drawn[i], cfg))
	}
	if r.Behind != nil {
		t.behind(e, r)
	}
}

// behind draws the server's leg in the same way.
func (t Text) behind(e *Experiment, r *Result) {
	cfg := ladder.Config{Color: t.Color}
	cfg.Client, cfg.Server = e.SidesBehind(r.Subject)
	drawn := r.Behind.All
	if len(drawn) > few && r.Behind.Report != nil {
		drawn = []teardown.Report{*r.Behind.Report}
	}
	for i := range drawn {
		fmt.Fprintf(t.W, "\nbehind %s:\n%s", e.Through.name(), ladder.Render(&drawn[i], cfg))
	}
}

// evidence is what was measured, in a few words.
func (r *Result) evidence() string {
	var parts []string
	if r.Close != "" {
		parts = append(parts, string(r.Close))
	}
	if r.Report != nil && r.Report.AckDelayUS >= 0 && r.Close != "" {
		parts = append(parts, fmt.Sprintf("ACK after %.2f ms", millis(r.Report.AckDelayUS)))
	}
	if r.Connections > 1 {
		parts = append(parts, fmt.Sprintf("%d connections", r.Connections))
	}
	if r.Load != nil {
		parts = append(parts, fmt.Sprintf("%d found no port, %.0f requests per s", r.Load.Failures[NoPort], r.Load.PerSecond))
	}
	if r.CPUMS > 0 {
		parts = append(parts, fmt.Sprintf("%.1f ms of processor time", r.CPUMS))
	}
	if r.ServerSaid != "" {
		parts = append(parts, term.Quote(r.ServerSaid))
	}
	if r.LastedMS > 0 {
		parts = append(parts, fmt.Sprintf("%.2f s", r.LastedMS/1000))
	}
	switch {
	case len(parts) == 0:
		return ""
	case r.Verdict == Pass:
		return " (" + strings.Join(parts, ", ") + ")"
	}
	return ": " + strings.Join(parts, ", ")
}

// Summary counts the verdicts.
func (t *Text) Summary(results []Result) {
	n := map[string]int{}
	for i := range results {
		n[results[i].Verdict]++
	}
	fmt.Fprintf(t.W, "\n%d passed, %d failed, %d skipped\n", n[Pass], n[Fail], n[Skipped])
}

// Shout is a verdict in capitals, and in its colour if there are colours.
func Shout(v string, colored bool) string {
	word := strings.ToUpper(v)
	if !colored {
		return word
	}
	color := map[string]string{Pass: "32", Fail: "31", Skipped: "33"}[v]
	return "\x1b[" + color + "m" + word + "\x1b[0m"
}
