package ladder

import (
	"fmt"
	"strings"

	"lastack/harness/teardown"
)

// Config says how to draw. The zero value is useful.
type Config struct {
	// Client and Server say what each side is: "curl (kernel)",
	// "lastack (userspace)". Empty means nothing is said.
	Client, Server string
	// Width is in columns. 0 means 80; less than 40 is taken as 40. Below 72 the states
	// stand between the bars. An address is never cut short.
	Width int
	// Color allows ANSI colours. The caller looks at NO_COLOR and whether
	// the output is a terminal.
	Color bool
	// Full shows every segment that the report has.
	Full bool
}

const (
	defaultWidth = 80
	minWidth     = 40
	narrow       = 72 // less than that is too little for states beside the bars
	timeWidth    = 9  // 99999.999
	stateWidth   = 12 // SYN_RECEIVED
	// margins is what a line has beside the arrow: time, both states, the
	// bars, and the spaces between.
	margins = timeWidth + 1 + stateWidth + 1 + 1 + 1 + 1 + stateWidth
	// narrowMargins are those without the states.
	narrowMargins = timeWidth + 1 + 1 + 1
)

// Render draws the report. Every line, the last included, ends with a newline,
// and none is wider than Config.Width or has spaces at its end.
func Render(r *teardown.Report, cfg Config) string {
	d := &drawing{cfg: cfg, width: cfg.Width}
	if d.width == 0 {
		d.width = defaultWidth
	}
	d.width = max(d.width, minWidth)
	d.narrow = d.width < narrow
	d.inner = d.width - margins
	if d.narrow {
		d.inner = d.width - narrowMargins
	}
	d.header(r)
	for _, row := range rows(r, cfg.Full) {
		d.row(&row)
	}
	d.verdict(r)
	return d.out.String()
}

// drawing is a Render under way.
type drawing struct {
	cfg    Config
	width  int
	narrow bool
	inner  int // between the bars
	states [2]string
	out    strings.Builder
}

// line writes one line; what is written may contain colours.
func (d *drawing) line(s string) {
	d.out.WriteString(strings.TrimRight(s, " "))
	d.out.WriteByte('\n')
}

func (d *drawing) header(r *teardown.Report) {
	labels := [2]string{ascii(d.cfg.Client), ascii(d.cfg.Server)}
	ends := [2]string{r.Client, r.Server}
	room := d.width - len("client  ") - max(len(ends[0]), len(ends[1])) - 2
	column := min(max(len(labels[0]), len(labels[1])), max(room, 0))
	for i, who := range [2]string{"client", "server"} {
		s := who + "  "
		if column > 0 {
			s += fmt.Sprintf("%-*s  ", column, clip(labels[i], column))
		}
		d.line(s + ends[i])
	}
	d.line("")
	if d.narrow {
		d.line(d.paint(dim, "0 ms: "+zero(r)))
		d.line(d.paint(dim, fmt.Sprintf("%*s  client%*s", timeWidth, "ms", d.inner-len("client"), "server")))
		return
	}
	d.line(d.paint(dim, fmt.Sprintf("%*s %-*s  %s  server", timeWidth, "ms", stateWidth, "client",
		centre("0 ms: "+zero(r), d.inner, ' '))))
}

// zero says what the times count from.
func zero(r *teardown.Report) string {
	switch {
	case len(r.Segments) == 0:
		return "the first segment"
	case strings.Contains(r.Segments[0].Flags, "FIN"):
		return "the first FIN"
	}
	return "the RST"
}

// row draws one row: an arrow or a sum between the bars, and the remarks on it.
func (d *drawing) row(r *row) {
	middle := ""
	if r.line != nil {
		var below string
		middle, below = arrow(r.line, d.inner)
		if below != "" {
			r.notes = append([]string{below}, r.notes...)
		}
	} else {
		middle = centre(clip(r.sum.fit(d.inner-2), d.inner-2), d.inner, ' ')
	}
	var st [2]string
	for i := range st {
		if r.states[i] != d.states[i] {
			st[i], d.states[i] = r.states[i], r.states[i]
		}
	}
	d.bars(millis(r.timeUS), st, d.paint(r.colour(), middle))
	for _, n := range r.notes {
		for _, part := range wrap(strings.Fields(ascii(n)), d.inner-2) {
			d.bars("", [2]string{}, d.paint(dim, centre(part, d.inner, ' ')))
		}
	}
}

// bars writes one line of the ladder. The middle is d.inner columns wide.
func (d *drawing) bars(time string, st [2]string, middle string) {
	if d.narrow {
		d.line(fmt.Sprintf("%*s |%s|", timeWidth, time, middle))
		if st != [2]string{} {
			blanks := strings.Repeat(" ", d.inner-len(st[0])-len(st[1]))
			d.line(fmt.Sprintf("%*s |%s%s%s|", timeWidth, "", d.state(st[0], 0), blanks, d.state(st[1], 0)))
		}
		return
	}
	left := fmt.Sprintf("%*s %s ", timeWidth, time, d.state(st[0], stateWidth))
	d.line(left + "|" + middle + "| " + d.state(st[1], 0))
}

// state pads a state to width and paints it.
func (d *drawing) state(s string, width int) string {
	pad := strings.Repeat(" ", max(0, width-len(s)))
	return d.paint(stateColour(s), s) + pad
}

func (d *drawing) verdict(r *teardown.Report) {
	d.line("")
	verdict := strings.Fields(ascii(Verdict(r)))
	if n := len(verdict) - 2; hasCause(r) { // which stays in one piece, for who searches for it
		verdict = append(verdict[:n], strings.Join(verdict[n:], " "))
	}
	for _, part := range wrap(verdict, d.width) {
		d.line(d.paint(bold, part))
	}
	words := append(strings.Fields(ascii(r.Reason)), "(RFC "+ascii(r.RFC)+")")
	for _, part := range wrap(words, d.width) {
		d.line(part)
	}
}

// Verdict is what Render says below the ladder, in a line: "three-way: active
// closer client, TIME_WAIT client"; and why there was a RST, by a word of teardown.Causes.
func Verdict(r *teardown.Report) string {
	s := fmt.Sprintf("%s: active closer %s, TIME_WAIT %s", r.Close, r.ActiveCloser, r.TimeWait)
	if r.ResetBy != teardown.None {
		s += ", RST from the " + string(r.ResetBy)
	}
	if hasCause(r) {
		s += ", cause " + string(r.Cause)
	}
	return s
}

// hasCause reports whether the cause says more than the close does.
func hasCause(r *teardown.Report) bool {
	return r.Cause != "" && r.Cause != teardown.CauseNone && string(r.Cause) != string(r.Close)
}
