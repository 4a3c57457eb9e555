package experiment

import (
	"fmt"
	"io"
	"strings"

	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
	"lastack/harness/term"
	"lastack/harness/term/paragraph"
)

// WriteList writes what each experiment is called and asks, and where it is not run.
func WriteList(w io.Writer, all []*Experiment) error {
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
		b.WriteString("\n" + paragraph.Indented(e.Question, "    "))
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
	// Subjects are those that results come of, for which there is room.
	Subjects []string
}

// Done writes a line about a result, and what there is to say about it.
func (t Text) Done(e *Experiment, r *Result) {
	fmt.Fprintf(t.W, "%s  %-*s  %s\n", Shout(r.Verdict, t.Color), t.width(), r.Subject, term.Quote(r.Experiment)+r.evidence())
	if r.Why != "" {
		fmt.Fprint(t.W, paragraph.Indented(r.Why, "               "))
	}
	if r.Attempts > 1 {
		fmt.Fprint(t.W, paragraph.Indented(fmt.Sprintf("(%d attempts; at first: %s)", r.Attempts, r.Earlier[0]), "               "))
	}
	if r.Report == nil || !t.Ladders && r.Verdict != Fail {
		return
	}
	t.ladders(e, r)
	fmt.Fprintf(t.W, "states afterwards: client %s, %s %s\n", r.States.Client, r.Opposite(), r.States.Server)
	if r.Behind != nil && r.Behind.States != nil {
		fmt.Fprintf(t.W, "behind the proxy: proxy %s, server %s\n", r.Behind.States.Client, r.Behind.States.Server)
	}
	for _, a := range r.Answers {
		fmt.Fprint(t.W, paragraph.Indented(fmt.Sprintf("%s: %s", a.Step, a.Got), "  "))
	}
	fmt.Fprintln(t.W)
}

// width is that of the longest name of a subject.
func (t Text) width() int {
	width := len(Lastack)
	for _, s := range t.Subjects {
		width = max(width, len(s))
	}
	return width
}

// few connections are all drawn.
const few = 3

// ladders draws every connection if they are few, else the one that the result
// is about.
func (t Text) ladders(e *Experiment, r *Result) {
	cfg := ladder.Config{Color: t.Color}
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
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// Summary counts the verdicts.
func (t Text) Summary(results []Result) {
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
