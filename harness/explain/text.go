package explain

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"lastack/harness/teardown"
	"lastack/harness/term/paragraph"
)

// Look is how text for people looks. The zero value is for a file.
type Look struct {
	// Color allows ANSI colours.
	Color bool
	// Columns is the width of the terminal; 0 is 80, and less than 40 is taken as 40.
	Columns int
}

const (
	defaultColumns = 80
	fewestColumns  = 40
)

// WriteText prints a Summary for people: the findings, then a table of the
// groups, which shows times where there are 80 columns. No line is wider than the Look
// says.
func WriteText(w io.Writer, s *Summary, look Look) error {
	t := newText(look)
	for i := range s.Findings {
		example := "--ladder " + s.Findings[i].ExampleID
		if s.Live && s.Parts == 0 {
			example = fmt.Sprintf("connection %d", s.Findings[i].Example) // the packets are gone
		}
		t.paragraph(fmt.Sprintf("%2d. ", i+1), fmt.Sprintf("%s (%s)", s.Findings[i].Text, example))
	}
	if len(s.Findings) > 0 {
		t.b.WriteByte('\n')
	}
	t.table(s.Groups)
	t.b.WriteByte('\n')
	if len(s.Causes) > 0 {
		t.paragraph("", s.causes())
	}
	if len(s.KernelResets) > 0 {
		t.paragraph("", s.kernelResets())
	}
	t.paragraph("", s.Counts())
	_, err := io.WriteString(w, t.b.String())
	return err
}

// CausesInOrder are the keys of Causes, the most frequent first.
func (s *Summary) CausesInOrder() []teardown.Cause {
	return slices.SortedFunc(maps.Keys(s.Causes), func(x, y teardown.Cause) int {
		return cmp.Or(cmp.Compare(s.Causes[y], s.Causes[x]), cmp.Compare(x, y))
	})
}

// causes says why connections did not end in order, the most frequent first.
func (s *Summary) causes() string {
	var parts []string
	for _, c := range s.CausesInOrder() {
		parts = append(parts, string(c)+" "+number(s.Causes[c]))
	}
	return "Why there were RSTs: " + strings.Join(parts, ", ") + "."
}

// Counts is a sentence about what was read.
func (s *Summary) Counts() string {
	line := fmt.Sprintf("%s, %s", count(s.Packets, "packet"), count(s.Connections, "connection"))
	if s.Matching != s.Connections {
		line += fmt.Sprintf(", %s as asked for", number(s.Matching))
	}
	switch {
	case s.Connections == 0:
	case s.Begin.IsZero():
		line += " without times"
	default:
		line += fmt.Sprintf(" in %s from %s", long(s.covered), s.Begin.Format("2006-01-02 15:04:05 MST"))
	}
	line += s.fastOpen()
	if n := s.NotTCP + s.NotIP; n > 0 {
		line += fmt.Sprintf("; %s of other protocols%s", count(n, "packet"), s.kinds())
	}
	if s.ICMPErrors > 0 {
		line += fmt.Sprintf("; %s about TCP segments", count(s.ICMPErrors, "ICMP error"))
	}
	if s.Tunnelled > 0 {
		line += fmt.Sprintf("; %s in tunnels", count(s.Tunnelled, "segment"))
	}
	if s.Duplicates > 0 {
		line += fmt.Sprintf("; %s captured twice", count(s.Duplicates, "packet"))
	}
	return line + "."
}

// fastOpen is what became of TCP Fast Open, where anybody tried it.
func (s *Summary) fastOpen() string {
	all := 0
	for _, n := range s.FastOpen {
		all += n
	}
	if all == 0 {
		return ""
	}
	line := fmt.Sprintf("; TCP Fast Open on %s (%.1f%%)", number(all), 100*float64(all)/float64(s.Connections))
	for _, k := range []struct {
		is   teardown.FastOpen
		what string
	}{
		{teardown.FastOpenData, "data taken on"}, {teardown.FastOpenRefused, "data refused on"},
		{teardown.FastOpenCookie, "a cookie given on"}, {teardown.FastOpenAsked, "no cookie on"},
	} {
		if n := s.FastOpen[k.is]; n > 0 {
			line += fmt.Sprintf(", %s %s", k.what, number(n))
		}
	}
	return line
}

// maxKindsShown is how many kinds of what was skipped a person reads.
const maxKindsShown = 5

// kinds is " (UDP 12, ARP 3)": what was skipped.
func (s *Summary) kinds() string {
	var parts []string
	for i, k := range s.Skipped {
		if i == maxKindsShown {
			parts = append(parts, "...")
			break
		}
		parts = append(parts, fmt.Sprintf("%s %s", k.Name, number(k.Packets)))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// text is a WriteText under way.
type text struct {
	b       strings.Builder
	color   bool
	columns int
}

func newText(look Look) *text {
	return &text{color: look.Color, columns: max(cmp.Or(look.Columns, defaultColumns), fewestColumns)}
}

// paragraph writes words behind a mark, wrapped and indented.
func (t *text) paragraph(mark, words string) {
	for _, line := range paragraph.Lines(words, t.columns-len(mark)) {
		t.b.WriteString(mark + line + "\n")
		mark = strings.Repeat(" ", len(mark))
	}
}

// The table shows so many groups, in these columns: server, close, number, and the middle and the 95th
// percentile of three durations.
const (
	maxRows     = 40
	serverWidth = 21
	rowFormat   = "%-*s %-12s %7s %5s %5s  %5s %5s  %5s %5s"
)

func (t *text) table(groups []Group) {
	if len(groups) == 0 {
		t.b.WriteString("No TCP connection.\n")
		return
	}
	if t.columns < defaultColumns {
		t.narrow(groups)
		return
	}
	head := fmt.Sprintf(rowFormat, serverWidth, "", "", "", " time", "open", "  FIN", "ACKed", " half", "close")
	t.line(dim, head)
	t.line(dim, fmt.Sprintf(rowFormat, serverWidth, "server", "close", "number", "p50", "p95", "p50", "p95", "p50", "p95"))
	for i := range min(len(groups), maxRows) {
		t.row(&groups[i])
	}
	t.more(groups)
}

// narrow is the table without times.
func (t *text) narrow(groups []Group) {
	const format = "%-*s %-12s %7s"
	room := min(serverWidth, t.columns-len(" half-closed  1234567"))
	t.line(dim, fmt.Sprintf(format, room, "server", "close", "number"))
	for i := range min(len(groups), maxRows) {
		g := &groups[i]
		server := g.Server
		if len(server) > room {
			t.b.WriteString(server + "\n")
			server = ""
		}
		t.line(kindColor(g), fmt.Sprintf(format, room, server, g.Close, number(g.Connections)))
	}
	t.more(groups)
	t.paragraph("", "How long they took is shown where there are 80 columns, and in --json.")
}

// more says how many groups are not shown.
func (t *text) more(groups []Group) {
	if more := len(groups) - maxRows; more > 0 {
		rest := 0
		for i := range groups[maxRows:] {
			rest += groups[maxRows+i].Connections
		}
		t.paragraph("", fmt.Sprintf("and %s in %s (--json has all of them)", count(rest, "connection"), count(more, "group")))
	}
}

func (t *text) row(g *Group) {
	server := g.Server
	if len(server) > serverWidth {
		t.b.WriteString(server + "\n")
		server = ""
	}
	cells := g.Cells()
	t.line(kindColor(g), fmt.Sprintf(rowFormat, serverWidth, server, g.Close, number(g.Connections),
		cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]))
}

// Cells are the middle and the 95th percentile of the duration, of the delay of the ACK
// and of the half close, for a table.
func (g *Group) Cells() (cells [6]string) {
	for i, p := range []*Percentiles{g.Duration, g.AckDelay, g.HalfClose} {
		cells[2*i], cells[2*i+1] = "-", "-"
		if p != nil {
			cells[2*i], cells[2*i+1] = brief(micros(p.P50US)), brief(micros(p.P95US))
		}
	}
	return cells
}

// The colours, as ANSI has them.
const (
	plain  = ""
	dim    = "2"
	red    = "31"
	yellow = "33"
)

// kindColor is red for what lost something, yellow for what is not finished.
func kindColor(g *Group) string {
	switch g.Close {
	case "reset", "refused":
		return red
	case "half-closed", "unanswered":
		return yellow
	}
	return plain
}

// line writes a line, broken where it is too long, in a colour.
func (t *text) line(color, s string) {
	lines := []string{strings.TrimRight(s, " ")}
	if len(lines[0]) > t.columns {
		words := strings.TrimLeft(s, " ")
		lines = strings.Split(strings.TrimSuffix(paragraph.Hanging(words, strings.Repeat(" ", len(s)-len(words)+2), t.columns), "\n"), "\n")
		lines[0] = lines[0][2:]
	}
	for _, line := range lines {
		if t.color && color != plain {
			line = "\x1b[" + color + "m" + line + "\x1b[0m"
		}
		t.b.WriteString(line + "\n")
	}
}
