package claims

import (
	"fmt"
	"io"
	"strings"

	"lastack/harness/term/paragraph"
)

// Text prints a Report on a terminal, a claim at a time.
type Text struct {
	W io.Writer
	// Color allows ANSI colours.
	Color bool
	// Columns is the width of the terminal; 0 is 79.
	Columns int
}

// Columns of the table: a number, the claim, and a verdict for each subject.
const (
	numberWidth  = 4
	claimWidth   = 46
	verdictWidth = 15
	lineWidth    = 79
	// narrowest is what a table takes; where there is less the verdicts are below the claim.
	narrowest = numberWidth + claimWidth + verdictWidth + len(No)
)

func (t Text) width() int {
	if t.Columns == 0 {
		return lineWidth
	}
	return t.Columns - 1
}

// Table writes a row for each claim, with the evidence below it, and the summary.
func (t Text) Table(r *Report) {
	for i := range r.Claims {
		t.Row(r, i)
	}
	t.Summary(r)
}

// head is what stands above the rows.
func (t Text) head(r *Report) {
	if t.width() < narrowest {
		return
	}
	head := fmt.Sprintf("%2s  %-*s", "#", claimWidth, "claim")
	for i := range r.Subjects {
		head += fmt.Sprintf("%-*s", verdictWidth, r.Subjects[i].Name)
	}
	fmt.Fprintln(t.W, strings.TrimRight(head, " "))
}

// Row writes the claim at a place of the Report, the first below the table's head: the
// claim and the verdicts, what is right where it does not simply hold, and what was
// measured.
func (t Text) Row(r *Report, at int) {
	c, row := r.Claims[at], r.Outcomes[at]
	if at == 0 {
		t.head(r)
	}
	fmt.Fprintln(t.W)
	if t.width() < narrowest {
		t.lines(fmt.Sprintf("%2d  ", c.Number), c.Text)
		for i, o := range row {
			fmt.Fprintf(t.W, "    %s: %s\n", r.Subjects[i].Name, t.verdict(o, 0))
		}
	} else {
		t.columns(c, row)
	}
	if settled(row) && row[0].Verdict != Holds && row[0].Verdict != NotTried {
		t.lines("    ", c.Truth)
	}
	t.evidence(r, row)
}

// columns writes the claim beside its verdicts.
func (t Text) columns(c *Claim, row []Outcome) {
	for i, line := range paragraph.Lines(c.Text, claimWidth-2) {
		if i > 0 {
			fmt.Fprintf(t.W, "    %s\n", line)
			continue
		}
		fmt.Fprintf(t.W, "%2d  %-*s", c.Number, claimWidth, line)
		for j, o := range row {
			width := verdictWidth
			if j == len(row)-1 {
				width = 0
			}
			fmt.Fprint(t.W, t.verdict(o, width))
		}
		fmt.Fprintln(t.W)
	}
}

// lines writes a text behind a mark.
func (t Text) lines(mark, text string) { fmt.Fprint(t.W, paragraph.Hanging(text, mark, t.width())) }

// settled reports that all subjects came to the same, which was expected.
func settled(row []Outcome) bool {
	for _, o := range row {
		if o.Verdict != row[0].Verdict || !o.AsExpected {
			return false
		}
	}
	return len(row) > 0
}

// evidence is one line where all subjects came to the same, and else one each.
func (t Text) evidence(r *Report, row []Outcome) {
	for i, o := range row {
		about := r.Subjects[i].Name + ": " + o.Evidence
		if o.Verdict == NotTried {
			about = o.Evidence
		}
		if !o.AsExpected {
			about += fmt.Sprintf(" (expected: %s)", o.Expected)
		}
		t.lines(strings.Repeat(" ", numberWidth), about)
		if settled(row) {
			return
		}
	}
}

// Summary counts the claims that were tried, and those that came out otherwise
// than expected.
func (t Text) Summary(r *Report) {
	fmt.Fprintln(t.W)
	if len(r.Altered) > 0 {
		t.paragraph("", "With "+strings.Join(r.Altered, ", ")+":")
	}
	for i := range r.Subjects {
		n := map[Mark]int{}
		other := 0
		for _, row := range r.Outcomes {
			n[row[i].Verdict]++
			if !row[i].AsExpected {
				other++
			}
		}
		var parts []string
		for _, m := range []Mark{Holds, InPart, No, Unclear, NotTried} {
			if n[m] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n[m], m))
			}
		}
		end := "as expected"
		if other > 0 {
			end = fmt.Sprintf("%d otherwise than expected", other)
		}
		t.paragraph("", fmt.Sprintf("%s: %s; %s", r.Subjects[i].Name, strings.Join(parts, ", "), end))
	}
}

func (t Text) verdict(o Outcome, width int) string {
	text := fmt.Sprintf("%-*s", width, o.Verdict)
	if !t.Color {
		return text
	}
	color := map[Mark]string{Holds: "32", InPart: "33", No: "31", Unclear: "35", NotTried: "2"}[o.Verdict]
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
