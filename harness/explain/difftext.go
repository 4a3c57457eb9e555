package explain

import (
	"fmt"
	"io"
	"strconv"
)

// diffFormat is a row: mark, the time in A, the time in B, how much later B has
// it, who sent it, what it is.
const diffFormat = "%c %11s %11s %10s  %-6s %s"

// WriteDiff prints a Diff for people. Where there are less than 80 columns a segment's times
// are on a line of their own.
func WriteDiff(w io.Writer, d *Diff, look Look) error {
	t := newText(look)
	for _, s := range []struct {
		mark string
		side *DiffSide
	}{{"A  ", &d.A}, {"B  ", &d.B}} {
		t.paragraph(s.mark, s.side.Name)
		t.paragraph("   ", fmt.Sprintf("%s > %s", s.side.Client, s.side.Server))
		t.paragraph("   ", fmt.Sprintf("%s, active closer %s, TIME_WAIT %s", s.side.Close, s.side.ActiveCloser, s.side.TimeWait))
	}
	t.b.WriteByte('\n')
	if t.columns >= defaultColumns {
		t.line(dim, fmt.Sprintf(diffFormat, ' ', "A ms", "B ms", "B-A ms", "from", "segment"))
	}
	begun := false
	for i := range d.Rows {
		if r := &d.Rows[i]; r.Closing && !begun {
			begun = true
			t.line(dim, "the close; numbers count from where each side stood")
		}
		t.diffRow(&d.Rows[i])
	}
	t.b.WriteByte('\n')
	t.paragraph("", d.verdict())
	_, err := io.WriteString(w, t.b.String())
	return err
}

func (t *text) diffRow(r *Row) {
	a, b, later := "-", "-", "-"
	if r.AUS != nil {
		a = millis(*r.AUS)
	}
	if r.BUS != nil {
		b = millis(*r.BUS)
	}
	if r.AUS != nil && r.BUS != nil {
		later = millis(*r.BUS - *r.AUS)
	}
	segment := fmt.Sprintf("%s seq=%d ack=%d len=%d", r.Flags, int32(r.Seq), int32(r.Ack), r.Len)
	mark, color := r.Mark(), plain
	switch {
	case mark == '~':
		color = yellow
	case mark != ' ':
		color = red
	}
	if t.columns >= defaultColumns {
		t.line(color, fmt.Sprintf(diffFormat, mark, a, b, later, r.From, segment))
	} else {
		t.line(color, fmt.Sprintf("%c %s %s", mark, r.From, segment))
		t.line(color, fmt.Sprintf("  ms: A %s, B %s, B-A %s", a, b, later))
	}
	switch mark {
	case '<':
		t.line(color, "  only A has it")
	case '>':
		t.line(color, "  only B has it")
	case '!', '~':
		t.paragraph("  ", r.Differs)
	}
}

// millis writes microseconds as milliseconds, to the microsecond.
func millis(us int64) string { return strconv.FormatFloat(float64(us)/1000, 'f', 3, 64) }

// verdict is the last paragraph.
func (d *Diff) verdict() string {
	if !d.Same {
		s := "The closes differ: "
		switch {
		case d.A.Close != d.B.Close:
			s += fmt.Sprintf("%s in A, %s in B", d.A.Close, d.B.Close)
		case d.A.ActiveCloser != d.B.ActiveCloser:
			s += fmt.Sprintf("the active closer is %s in A, %s in B", d.A.ActiveCloser, d.B.ActiveCloser)
		default:
			s += fmt.Sprintf("both are %s", d.A.Close)
		}
		return s + fmt.Sprintf("; %s not alike.", were(d.Differences, "segment"))
	}
	s := fmt.Sprintf("The closes are alike: %s, segment for segment.", d.A.Close)
	if !d.OpeningSame {
		s += " What comes before differs."
	}
	if !d.MinorSame {
		s += " Windows, options or PSH differ (~)."
	}
	return s
}
