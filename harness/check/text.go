package check

import (
	"fmt"
	"io"
	"strings"

	"lastack/harness/teardown/ladder"
	"lastack/harness/term/paragraph"
)

// Text writes checks for a terminal, as they come.
type Text struct {
	W io.Writer
	// Color allows ANSI colours.
	Color bool
	// Ladders draws the connections of every check; without, only those of differences
	// that are not known.
	Ladders bool
}

// indent is where the text beside a verdict begins.
const indent = "           "

// Write writes one check.
func (t Text) Write(c *Check) {
	word := strings.ToUpper(string(c.Verdict))
	if c.Known {
		word = "KNOWN"
	}
	fmt.Fprintf(t.W, "%s%s%s\n", t.paint(word), strings.Repeat(" ", max(len(indent)-len(word), 1)), c.Name)
	fmt.Fprint(t.W, paragraph.Indented(c.How, indent))
	if c.Verdict == Differs {
		fmt.Fprint(t.W, paragraph.Indented("Breaks: "+c.Breaks, indent))
	}
	if !t.Ladders && (c.Verdict != Differs || c.Known) {
		return
	}
	for i := range c.Legs {
		l := &c.Legs[i]
		fmt.Fprintf(t.W, "\n%s, %s:\n%s", c.Name, l.Name,
			ladder.Render(&l.Report, ladder.Config{Color: t.Color, Client: l.Client, Server: l.Server}))
	}
	if len(c.Legs) > 0 {
		fmt.Fprintln(t.W)
	}
}

// Summary counts the verdicts.
func (t Text) Summary(checks []Check) {
	n, known := map[Verdict]int{}, 0
	for i := range checks {
		n[checks[i].Verdict]++
		if checks[i].Known {
			known++
		}
	}
	fmt.Fprintf(t.W, "\n%d passed, %d differ", n[Pass], n[Differs])
	if known > 0 {
		fmt.Fprintf(t.W, " (%d known)", known)
	}
	fmt.Fprintf(t.W, ", %d skipped\n", n[Skip])
}

func (t Text) paint(word string) string {
	if !t.Color {
		return word
	}
	color := map[string]string{"PASS": "32", "DIFFERS": "31"}[word]
	if color == "" {
		color = "33"
	}
	return "\x1b[" + color + "m" + word + "\x1b[0m"
}
