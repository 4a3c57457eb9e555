package bench

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// The chart's measures, in its own units.
const (
	chartWidth  = 720
	chartLabel  = 190 // where bars begin
	chartBar    = 380 // how long the longest is
	barHeight   = 18
	panelTop    = 44
	panelBottom = 14
)

// SVG writes a chart: a panel for each case, with a bar for each subject that is as
// long as its first metric, and a thin line from the least to the greatest.
func (r *Report) SVG(w io.Writer) error {
	var b strings.Builder
	height := 10
	for i := range r.Cases {
		height += r.Cases[i].panelHeight()
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, height)
	y := 10
	for i := range r.Cases {
		r.Cases[i].panel(&b, y)
		y += r.Cases[i].panelHeight()
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) panelHeight() int { return panelTop + barHeight*len(r.Subjects) + panelBottom }

func (r *Result) panel(b *strings.Builder, top int) {
	m := r.metrics()[0]
	fmt.Fprintf(b, `<text x="10" y="%d" font-weight="bold">%s</text>`+"\n", top+16, html.EscapeString(r.Title))
	fmt.Fprintf(b, `<text x="10" y="%d" fill="#666666">%s, median of %d</text>`+"\n", top+32, html.EscapeString(m.unit), r.Rounds)
	longest := 0.0
	for _, s := range r.Subjects {
		longest = max(longest, s.Metrics[m.key].High)
	}
	for i, s := range r.Subjects {
		s.bar(b, m, top+panelTop+i*barHeight, longest)
	}
}

func (s *SubjectResult) bar(b *strings.Builder, m metric, y int, longest float64) {
	v := s.Metrics[m.key]
	x := func(value float64) float64 {
		if longest <= 0 {
			return chartLabel
		}
		return chartLabel + chartBar*value/longest
	}
	fill := "#9aa5b1"
	if strings.HasPrefix(s.Name, lastack) || s.Name == lastackServe {
		fill = "#2f6fb0"
	}
	middle := y + barHeight/2
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, chartLabel-8, middle+4, html.EscapeString(s.Name))
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`, chartLabel, y+2, x(v.Median)-chartLabel, barHeight-4, fill)
	fmt.Fprintf(b, `<path d="M%.1f %dH%.1f" stroke="#222222"/>`, x(v.Low), middle, x(v.High))
	fmt.Fprintf(b, `<text x="%.1f" y="%d">%.*f</text>`+"\n", x(max(v.Median, v.High))+6, middle+4, m.digits, v.Median)
}
