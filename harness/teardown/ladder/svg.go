package ladder

import (
	"fmt"
	"html"
	"strings"

	"lastack/harness/teardown"
)

// Distances of an SVG, in its own units, which are pixels on a phone. It is as
// narrow as that, so that two stand side by side on a desk.
const (
	picWidth  = 360
	timeRight = 50 // where times end
	clientX   = 92 // of the lifelines
	serverX   = 324
	middleX   = (clientX + serverX) / 2
	pillWide  = 70
	pillHigh  = 13
	slant     = 6 // by which an arrow falls, since a segment takes time

	arrowRoom = 34 // columns of type on an arrow
	noteRoom  = 30 // and between two states
)

// SVG draws the report as a picture for a page that has Style: the lifelines of
// client and server coloured by state, and what Render shows between them. The id
// tells its parts from those of other pictures on the page. Width and Color of
// the Config do not count.
func SVG(r *teardown.Report, cfg Config, id string) string {
	p := &picture{cfg: cfg}
	p.header(r)
	for _, row := range rows(r, cfg.Full) {
		p.row(&row)
	}
	for side := range p.states {
		p.lifeline(side, p.y+4)
	}
	id = html.EscapeString(id)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" class="ladder" viewBox="0 0 %d %d" role="img" aria-labelledby="%s-title %s-desc">`+
		"\n<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n%s%s</svg>\n",
		picWidth, p.y+8, id, id, id, text(Verdict(r)), id, text(describe(r, cfg.Full)), p.lines.String(), p.marks.String())
}

// picture is an SVG under way.
type picture struct {
	cfg    Config
	y      int // where the next row begins
	states [2]string
	since  [2]int // where the states begin
	// lines are the lifelines, which everything else lies upon.
	lines, marks strings.Builder
}

// write puts text somewhere. The class says how.
func (p *picture) write(class string, x, y int, s string) {
	if s != "" {
		fmt.Fprintf(&p.marks, "<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>\n", class, x, y, text(s))
	}
}

func (p *picture) header(r *teardown.Report) {
	names := [2]string{"client", "server"}
	labels := [2]string{p.cfg.Client, p.cfg.Server}
	ends := [2]string{r.Client, r.Server}
	for i, class := range [2]string{"", " end"} {
		x := [2]int{clientX - pillWide/2, serverX + pillWide/2}[i]
		name := names[i]
		if labels[i] != "" {
			name += ": " + labels[i]
		}
		p.write("who"+class, x, 12, clip(ascii(name), 24))
		p.write("mono"+class, x, 25, clip(ends[i], 25))
	}
	p.write("note end", timeRight, 44, "ms")
	p.write("note mid", middleX, 44, "0 ms: "+zero(r))
	p.since = [2]int{32, 32}
	p.y = 52
}

// row draws one row: an arrow or a sum between the lifelines, the states that
// begin with it, and the remarks on it.
func (p *picture) row(r *row) {
	p.write("time end", timeRight, p.y+11, millis(r.timeUS))
	notes := r.notes
	begin := [2]int{p.y + 16, p.y + 16}
	if r.line != nil {
		var below string
		begin, below = p.arrow(r)
		if below != "" {
			notes = append([]string{below}, notes...)
		}
	} else {
		p.write("sum mid", middleX, p.y+12, arrows(r.sum.fit(noteRoom+8)))
	}
	bottom := p.y + 26
	for side, state := range r.states {
		if state != p.states[side] {
			p.enter(side, state, begin[side])
			bottom = max(bottom, begin[side]+4+pillHigh)
		}
	}
	y := p.y + 33
	for _, n := range notes {
		class := "note mid"
		if r.line != nil && n == r.line.Impaired {
			class = "impaired mid"
		}
		for _, part := range wrapWide(n, noteRoom) {
			p.write(class, middleX, y, part)
			bottom = max(bottom, y+4)
			y += 12
		}
	}
	p.y = bottom + 6
}

// arrow draws a segment and says where on either lifeline it begins and ends. A lost one
// ends in a cross on its way.
func (p *picture) arrow(r *row) (at [2]int, below string) {
	l := r.line
	label, below := fitLabel(l, arrowRoom)
	p.write("label mid "+r.kind(), middleX, p.y+10, label)
	from, to, forward, side := clientX+4, serverX-4, 1, 0
	if l.From == teardown.Server {
		from, to, forward, side = to, from, -1, 1
	}
	start, end := p.y+14, p.y+14+slant
	at[side], at[1-side] = start, end
	if !l.Arrived() {
		to, end = from+(to-from)*7/8, start+slant*7/8
		fmt.Fprintf(&p.marks, "<path class=\"arrow lost\" d=\"M%d %dL%d %d\"/>\n", from, start, to, end)
		fmt.Fprintf(&p.marks, "<path class=\"cross\" d=\"M%d %dl10 10m0 -10l-10 10\"/>\n", to-5, end-5)
		return at, below
	}
	fmt.Fprintf(&p.marks, "<path class=\"arrow %s\" d=\"M%d %dL%d %d\"/>\n", r.kind(), from, start, to-7*forward, end)
	fmt.Fprintf(&p.marks, "<path class=\"point %s\" d=\"M%d %dl%d -4v8z\"/>\n", r.kind(), to, end, -8*forward)
	return at, below
}

// enter ends the state that a side was in and begins the next.
func (p *picture) enter(side int, state string, y int) {
	p.lifeline(side, y)
	p.states[side], p.since[side] = state, y
	x := [2]int{clientX, serverX}[side]
	fmt.Fprintf(&p.marks, "<g class=\"pill %s\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/><text x=\"%d\" y=\"%d\">%s</text></g>\n",
		text(state), x-pillWide/2, y+4, pillWide, pillHigh, x, y+14, text(state))
}

// lifeline draws a side's line from where its state began to where it ends.
func (p *picture) lifeline(side, y int) {
	x := [2]int{clientX, serverX}[side]
	fmt.Fprintf(&p.lines, "<rect class=\"life %s\" x=\"%d\" y=\"%d\" width=\"6\" height=\"%d\"/>\n",
		text(p.states[side]), x-3, p.since[side], max(y-p.since[side], 0))
}
