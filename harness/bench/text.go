package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Render writes the report as text of 80 columns: of each case first the ratios that
// there are goals for, then what they were made of.
func (r *Report) Render(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Linux %s, %d processors, %s", r.Machine.Kernel, r.Machine.CPUs, r.Machine.Go)
	if r.Quick {
		b.WriteString("; a quick run, whose figures say little")
	}
	b.WriteString("\n")
	for i := range r.Cases {
		r.Cases[i].render(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) render(b *strings.Builder) {
	rounds := fmt.Sprintf("%d rounds", r.Rounds)
	if r.Rounds == 1 {
		rounds = "1 round"
	}
	if r.Dropped > 0 {
		rounds += fmt.Sprintf(", %d dropped", r.Dropped)
	}
	fmt.Fprintf(b, "\n%s: %s\n", r.Name, r.Title)
	fmt.Fprintf(b, "  (%s; the median, with the least and the greatest)\n", rounds)
	metrics := r.metrics()
	for i := range r.Goals {
		r.Goals[i].render(b, metrics[0].key)
	}
	for i := range r.Subjects {
		r.Subjects[i].render(b, metrics)
	}
}

// metrics are the case's, in the catalogue's order.
func (r *Result) metrics() []metric {
	all := catalogue(false)
	return all[slices.IndexFunc(all, func(k Case) bool { return k.Name == r.Name })].metrics
}

// render names the metric only where it is not the case's first.
func (g *Goal) render(b *strings.Builder, first string) {
	what := g.Of
	if g.To != "" {
		what += " : " + g.To
	}
	if g.Metric != first {
		what += ", " + strings.ReplaceAll(g.Metric, "_", " ")
	}
	bound, verdict := ">=", "missed"
	if g.AtMost {
		bound = "<="
	}
	if g.Met {
		verdict = "met"
	}
	fmt.Fprintf(b, "  %-42s %s %s %g %s\n", what, g.Value.text(2), bound, g.Goal, verdict)
}

func (s *SubjectResult) render(b *strings.Builder, metrics []metric) {
	name := s.Name
	for _, m := range metrics {
		v := s.Metrics[m.key]
		fmt.Fprintf(b, "    %-26s %11s %s\n", name, v.text(m.digits), m.unit)
		name = ""
	}
	if s.Failures > 0 {
		fmt.Fprintf(b, "    %-26s %10d connections failed\n", "", s.Failures)
	}
}

// text is the median, with the least and the greatest where there are several.
func (s *Spread) text(digits int) string {
	if len(s.Values) == 0 {
		return "-"
	}
	t := fmt.Sprintf("%.*f", digits, s.Median)
	if len(s.Values) > 1 {
		t += fmt.Sprintf(" (%.*f to %.*f)", digits, s.Low, digits, s.High)
	}
	return t
}
