package ladder

import (
	"fmt"
	"strings"

	"lastack/harness/teardown"
)

// row is one line of the ladder and the remarks below it: a segment, or a sum
// of several.
type row struct {
	timeUS int64
	line   *teardown.Line // nil for a sum
	sum    sum
	states [2]string
	notes  []string
}

// rows decides what gets an arrow of its own.
func rows(r *teardown.Report, full bool) (out []row) {
	opening := r.Opening
	if n := handshake(opening); n > 0 && !full {
		out = append(out, row{
			timeUS: opening[0].TimeUS, states: opening[n-1].States,
			sum: handshakeSum(opening[:n]),
		})
		opening = opening[n:]
	}
	out = group(out, opening, full, false)
	return group(out, r.Segments, full, true)
}

// handshake is how many lines are an ordinary handshake: SYN, SYN+ACK, ACK and
// nothing else in them.
func handshake(l []teardown.Line) int {
	if len(l) < 3 {
		return 0
	}
	for i, flags := range []string{"SYN", "SYN+ACK", "ACK"} {
		who := [...]teardown.Who{teardown.Client, teardown.Server, teardown.Client}[i]
		if l[i].Flags != flags || l[i].From != who || l[i].Len != 0 || l[i].Why != "" || l[i].Impaired != "" || !l[i].Arrived() {
			return 0
		}
	}
	return 3
}

func handshakeSum(l []teardown.Line) sum {
	took := l[len(l)-1].TimeUS - l[0].TimeUS
	return sum{fmt.Sprintf("SYN, SYN+ACK, ACK in %s ms", millis(took))}
}

// group appends lines, runs of unremarkable ones as a sum.
func group(out []row, lines []teardown.Line, full, closing bool) []row {
	var run []*teardown.Line
	var last [2]string
	if n := len(out); n > 0 {
		last = out[n-1].states
	}
	flush := func() {
		if len(run) > 0 {
			out = append(out, sumUp(run))
		}
		run = nil
	}
	for i := range lines {
		l := &lines[i]
		if l.Elided == nil && (full || remarkable(l, closing) || l.States != last) {
			flush()
			out = append(out, segmentRow(l, full || closing))
		} else {
			run = append(run, l)
		}
		last = l.States
	}
	flush()
	return out
}

// remarkable reports whether a segment is worth an arrow for what it is.
func remarkable(l *teardown.Line, closing bool) bool {
	for _, f := range []string{"SYN", "FIN", "RST"} {
		if strings.Contains(l.Flags, f) {
			return true
		}
	}
	return l.Impaired != "" || !l.Arrived() || closing && (l.Why != "" || l.Carries != "")
}

func segmentRow(l *teardown.Line, notes bool) row {
	r := row{timeUS: l.TimeUS, line: l, states: l.States}
	if l.Why != "" && (notes || remarkable(l, false)) {
		r.notes = []string{l.Why}
	}
	if l.Impaired != "" {
		r.notes = append(r.notes, l.Impaired)
	}
	return r
}

// sumUp makes one row of a run; a run of one is an arrow like any other.
func sumUp(run []*teardown.Line) row {
	first, last := run[0], run[len(run)-1]
	if len(run) == 1 && first.Elided == nil {
		return segmentRow(first, false)
	}
	var e teardown.Elided
	for _, l := range run {
		switch {
		case l.Elided != nil:
			e.ClientSegments += l.Elided.ClientSegments
			e.ServerSegments += l.Elided.ServerSegments
			e.ClientBytes += l.Elided.ClientBytes
			e.ServerBytes += l.Elided.ServerBytes
		case l.From == teardown.Client:
			e.ClientSegments++
			e.ClientBytes += uint64(l.Len)
		default:
			e.ServerSegments++
			e.ServerBytes += uint64(l.Len)
		}
	}
	return row{timeUS: first.TimeUS, states: last.States, sum: sumText(&e)}
}

// sum is the text of several segments, in ever shorter forms.
type sum []string

// fit is the longest form that fits.
func (s sum) fit(width int) string {
	for _, form := range s {
		if len(form) <= width {
			return form
		}
	}
	return s[len(s)-1]
}

// sumText is "5 segments: 79 bytes ->, <- 4,096 bytes".
func sumText(e *teardown.Elided) sum {
	segments := count(e.ClientSegments+e.ServerSegments, " segment")
	c, s := e.ClientBytes, e.ServerBytes
	switch {
	case c > 0 && s > 0:
		return sum{
			segments + ": " + count(c, " byte") + " ->, <- " + count(s, " byte"),
			segments + ": " + number(c) + " B ->, <- " + number(s) + " B",
			number(c) + " B ->, <- " + number(s) + " B",
		}
	case c > 0:
		return sum{segments + ", " + count(c, " byte") + " ->", count(c, " byte") + " ->"}
	case s > 0:
		return sum{segments + ", <- " + count(s, " byte"), "<- " + count(s, " byte")}
	}
	return sum{segments + ", no data"}
}
