package claims

import (
	"fmt"
	"io"
	"strings"

	"lastack/harness/term/paragraph"
)

// Text prints a Report on a terminal.
type Text struct {
	W io.Writer
	// Color allows ANSI colours.
	Color bool
}

// Columns of the table: a number, the claim, and a verdict for each subject.
const (
	numberWidth  = 4
	claimWidth   = 46
	verdictWidth = 15
	lineWidth    = 79
)

// Table writes a row for each claim, with the evidence below it.
func (t Text) Table(r *Report) {
	head := fmt.Sprintf("%2s  %-*s", "#", claimWidth, "claim")
	for i := range r.Subjects {
		head += fmt.Sprintf("%-*s", verdictWidth, r.Subjects[i].Name)
	}
	fmt.Fprintln(t.W, strings.TrimRight(head, " "))
	for i, c := range r.Claims {
		fmt.Fprintln(t.W)
		t.row(c, r, r.Outcomes[i])
	}
	t.summary(r)
}

func (t Text) row(c *Claim, r *Report, row []Outcome) {
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
	t.evidence(r, row)
}

// evidence is one line where all subjects came to the same, and else one each.
func (t Text) evidence(r *Report, row []Outcome) {
	same := true
	for _, o := range row {
		same = same && o.Verdict == row[0].Verdict && o.AsExpected
	}
	for i, o := range row {
		about := r.Subjects[i].Name + ": " + o.Evidence
		if o.Verdict == NotTried {
			about = o.Evidence
		}
		if !o.AsExpected {
			about += fmt.Sprintf(" (expected: %s)", o.Expected)
		}
		for _, line := range paragraph.Lines(about, lineWidth-numberWidth) {
			fmt.Fprintln(t.W, "    "+line)
		}
		if same {
			return
		}
	}
}

// summary counts the claims that were tried, and those that came out otherwise
// than expected.
func (t Text) summary(r *Report) {
	fmt.Fprintln(t.W)
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
