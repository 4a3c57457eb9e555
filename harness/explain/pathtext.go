package explain

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"lastack/harness/term"
)

// How much of each list a person reads; JSON has more.
const (
	maxShownConnections = 20
	maxShownLines       = 20
)

// WritePathDiff prints a PathDiff for people.
func WritePathDiff(w io.Writer, d *PathDiff, look Look) error {
	t := newText(look)
	t.pathEnd("A  ", &d.A, "B")
	t.pathEnd("B  ", &d.B, "A")
	t.paragraph("", d.Clock.sentence())
	t.b.WriteByte('\n')
	for i := range d.Ways {
		t.paragraph(fmt.Sprintf("%s to %s  ", d.Ways[i].From, d.Ways[i].To), d.Ways[i].sentence())
	}
	t.section("Changed on the way:", len(d.Changes), func(i int) { t.paragraph("  ", d.Changes[i].sentence()) })
	t.section("RSTs that one end alone has:", len(d.Resets), func(i int) { t.paragraph("  ", d.Resets[i].sentence()) })
	t.section("Connections that one end alone has:", len(d.Alone), func(i int) { t.paragraph("  ", d.Alone[i].sentence()) })
	t.section("Perhaps two halves of one, with a proxy between (time and bytes agree):", len(d.Proxied), func(i int) {
		p := &d.Proxied[i]
		t.paragraph("  ", fmt.Sprintf("A %d %s > %s, B %d %s > %s", p.A, p.AClient, p.AServer, p.B, p.BClient, p.BServer))
	})
	t.pathConnections(d)
	for _, warning := range d.Warnings {
		t.b.WriteByte('\n')
		t.paragraph("Note: ", warning+".")
	}
	t.b.WriteByte('\n')
	t.paragraph("", d.verdict())
	_, err := io.WriteString(w, t.b.String())
	return err
}

// section writes a headline and up to maxShownLines of n lines.
func (t *text) section(head string, n int, line func(i int)) {
	if n == 0 {
		return
	}
	t.b.WriteByte('\n')
	t.line(dim, head)
	for i := range min(n, maxShownLines) {
		line(i)
	}
	if n > maxShownLines {
		t.line(dim, fmt.Sprintf("  and %s more (--json has them)", number(n-maxShownLines)))
	}
}

func (t *text) pathEnd(mark string, e *PathEnd, other string) {
	t.paragraph(mark, e.Name)
	t.paragraph("   ", fmt.Sprintf("%s, %s; %s to %s", count(e.Segments, "segment"), count(e.Connections, "connection"),
		e.Begin.Format("2006-01-02 15:04:05.000"), e.End.Format("15:04:05.000 MST")))
	if e.Alone == 0 {
		return
	}
	s := fmt.Sprintf("%s are not in %s", number(e.Alone), other)
	if e.Alone == 1 {
		s = "1 is not in " + other
	}
	var of []string
	if e.Outside > 0 {
		of = append(of, number(e.Outside)+" of another time")
	}
	if e.Elsewhere > 0 {
		of = append(of, fmt.Sprintf("%s with machines that %s has nothing of", number(e.Elsewhere), other))
	}
	if e.Partial > 0 {
		of = append(of, number(e.Partial)+" without handshake and too short to recognise")
	}
	if len(of) > 0 {
		s += ": " + strings.Join(of, ", ")
	}
	t.paragraph("   ", s)
}

// exact writes microseconds as a duration to the microsecond.
func exact(us int64) string { return (time.Duration(us) * time.Microsecond).String() }

func (c *PathClock) sentence() string {
	if !c.Known {
		return "How the clocks differ is not known: no segment is in both captures."
	}
	s := "The clocks agree"
	switch {
	case c.OffsetUS > 0:
		s = fmt.Sprintf("B's clock is %s ahead of A's", exact(c.OffsetUS))
	case c.OffsetUS < 0:
		s = fmt.Sprintf("B's clock is %s behind A's", exact(-c.OffsetUS))
	}
	if c.UncertaintyUS == nil {
		s += ", less or more the time on the way: segments went one way only"
	} else {
		s += fmt.Sprintf(", give or take %s", exact(*c.UncertaintyUS))
	}
	switch {
	case c.DriftPPM > 0:
		s += fmt.Sprintf(", and fast by %.3g ppm (give or take %.2g)", c.DriftPPM, c.DriftUncertaintyPPM)
	case c.DriftPPM < 0:
		s += fmt.Sprintf(", and slow by %.3g ppm (give or take %.2g)", -c.DriftPPM, c.DriftUncertaintyPPM)
	case c.DriftUncertaintyPPM > 0:
		s += fmt.Sprintf(", with less than %.2g ppm of drift", math.Max(c.DriftUncertaintyPPM, 0.01))
	}
	return s + "."
}

func (w *PathWay) sentence() string {
	s := fmt.Sprintf("%s sent", count(w.Sent.Segments, "segment"))
	if w.Lost.Segments == 0 {
		s += ", none lost"
	} else {
		s += fmt.Sprintf(", %s lost (%.2g%%): %s", number(w.Lost.Segments), percent(w.Lost.Segments, w.Sent.Segments), w.Lost.kinds())
	}
	if w.Added.Segments > 0 {
		s += fmt.Sprintf("; %s came that nobody sent: %s", number(w.Added.Segments), w.Added.kinds())
	}
	if w.NotCompared > 0 {
		s += fmt.Sprintf("; %s not compared, as the other capture was not there", number(w.NotCompared))
	}
	if p := w.Delay; p != nil {
		s += fmt.Sprintf("; on the way for %s or more, p50 %s, p95 %s", exact(p.MinUS), exact(p.P50US), exact(p.P95US))
	}
	return s + "."
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

// kinds is "3 data, 2 ACK (1 of a FIN)".
func (c *PathCount) kinds() string {
	var parts []string
	for _, k := range []struct {
		n    int
		what string
	}{{c.Data, "data"}, {c.ACK, "ACK"}, {c.SYN, "SYN"}, {c.FIN, "FIN"}, {c.RST, "RST"}} {
		if k.n == 0 {
			continue
		}
		s := number(k.n) + " " + k.what
		if k.what == "ACK" && c.FINACK > 0 {
			s += fmt.Sprintf(" (%s of a FIN)", number(c.FINACK))
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

func (c *PathChange) sentence() string {
	s := c.What
	if c.Way != "both" {
		s = c.Way + ": " + s
	}
	switch {
	case c.From != "":
		s += fmt.Sprintf(" %s -> %s", c.From, c.To)
		if c.Way == "both" {
			s = fmt.Sprintf("%s: %s in A, %s in B", c.What, c.From, c.To)
		}
	default:
		s += " changed"
	}
	s += ", " + count(c.Connections, "connection")
	if c.Segments > 0 {
		s += ", " + count(c.Segments, "segment")
	}
	return s + fmt.Sprintf(" (such as %d)", c.Example)
}

func (r *PathReset) sentence() string {
	s := fmt.Sprintf("%s from the %s", count(r.Segments, "RST"), r.From)
	if r.What == "lost" {
		s += fmt.Sprintf(" lost on the way, seen in %s alone", r.At)
	} else {
		s += fmt.Sprintf(" injected on the way: %s has them, and nobody sent them", r.At)
		if r.Segments == 1 {
			s = strings.Replace(s, "has them, and nobody sent them", "has it, and nobody sent it", 1)
		}
	}
	switch {
	case r.What == "lost" || r.TTL == 0 || r.SenderTTL == 0:
	case r.OtherTTL > 0:
		s += fmt.Sprintf("; TTL %d where the %s's other segments have %d", r.TTL, r.From, r.SenderTTL)
	default:
		s += fmt.Sprintf("; TTL %d as the %s's other segments have", r.TTL, r.From)
	}
	return s + fmt.Sprintf(" (%s, such as %d)", count(r.Connections, "connection"), r.Example)
}

func (a *PathAlone) sentence() string {
	s := fmt.Sprintf("%s: %s to %s, %s", a.At, count(a.Connections, "connection"), a.Server, a.Close)
	if a.Injected > 0 {
		s += fmt.Sprintf("; the RST of %s was made on the way, with TTL %d", number(a.Injected), a.TTL)
	}
	return s + fmt.Sprintf(" (such as %d)", a.Example)
}

func (t *text) pathConnections(d *PathDiff) {
	if d.Differing == 0 {
		return
	}
	t.b.WriteByte('\n')
	t.line(dim, fmt.Sprintf("Closes that differ, %s of %s, the worst first:",
		number(min(d.Differing, maxShownConnections)), count(d.Differing, "connection")))
	for i := range d.Connections[:min(len(d.Connections), maxShownConnections)] {
		t.pathConnection(&d.Connections[i])
	}
	t.line(dim, fmt.Sprintf("lastack diff %s %s --a %d --b %d shows one segment by segment.",
		term.Quote(d.A.Name), term.Quote(d.B.Name), d.Connections[0].A.N, d.Connections[0].B.N))
}

func (t *text) pathConnection(c *PathConnection) {
	color := yellow
	if !c.ClosesSame {
		color = red
	}
	head := fmt.Sprintf("%s > %s", c.A.Client, c.A.Server)
	if c.A.N != c.B.N || c.A.Client != c.B.Client || c.A.Server != c.B.Server {
		head = fmt.Sprintf("A %d %s, B %d %s > %s", c.A.N, head, c.B.N, c.B.Client, c.B.Server)
	} else {
		head = fmt.Sprintf("%d %s", c.A.N, head)
	}
	t.line(color, "  "+head)
	if c.ClosesSame {
		t.paragraph("    ", c.A.Close+" at both ends")
	} else {
		for _, v := range []struct {
			at string
			v  *PathView
		}{{"A", &c.A}, {"B", &c.B}} {
			t.paragraph("    ", fmt.Sprintf("%s: %s. %s", v.at, v.v.Close, v.v.Reason))
		}
	}
	for i := range c.Events {
		t.paragraph("    ", c.Events[i].sentence())
	}
	if c.MoreEvents > 0 {
		t.paragraph("    ", fmt.Sprintf("and %s more like these", number(c.MoreEvents)))
	}
}

func (e *PathEvent) sentence() string {
	other := "B"
	if e.At == "B" {
		other = "A"
	}
	s := fmt.Sprintf("%s of the %s %s: %s has it at %s", e.What, e.From, e.Fate, e.At, e.Time.Format("15:04:05.000000"))
	if e.What == "ACK of FIN" {
		s = fmt.Sprintf("The %s's ACK of the FIN %s: %s has it at %s", e.From, e.Fate, e.At, e.Time.Format("15:04:05.000000"))
	}
	s += fmt.Sprintf(", %s by %s's clock", e.OtherTime.Format("15:04:05.000000"), other)
	if e.TTL > 0 {
		s += fmt.Sprintf(", with TTL %d", e.TTL)
	}
	return s
}

// verdict is the last paragraph.
func (d *PathDiff) verdict() string {
	s := fmt.Sprintf("%s in both captures", count(d.Matched, "connection"))
	if d.Same {
		s += "; all close alike at both ends"
	} else if d.Matched > 0 {
		s += fmt.Sprintf("; the closes of %s differ", number(d.Differing))
	}
	alone := 0
	for i := range d.Alone {
		alone += d.Alone[i].Connections
	}
	if alone > 0 {
		s += fmt.Sprintf("; %s in one alone", number(alone))
	}
	if n := len(d.Proxied); n > 0 {
		s += fmt.Sprintf("; %s perhaps proxied", number(n))
	}
	if d.Cut > 0 {
		s += fmt.Sprintf("; %s cannot be judged, as one capture was not there", number(d.Cut))
	}
	return s + "."
}
