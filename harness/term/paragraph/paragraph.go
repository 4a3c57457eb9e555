// Package paragraph breaks prose into lines for a terminal.
package paragraph

import (
	"strings"

	"lastack/harness/term"
)

// Columns is how wide a paragraph is, its indent included, where nobody says otherwise.
const Columns = 78

// Lines breaks text between words into lines of at most width bytes; a word that is
// longer has a line of its own. A text without words is one empty line. Text comes from
// files and programs, so what a terminal would act upon is escaped.
func Lines(text string, width int) (lines []string) {
	line := ""
	for _, w := range strings.Fields(text) {
		w = term.Escape(w)
		if line != "" && len(line)+1+len(w) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}

// Indented breaks text at 78 columns, each line behind the indent and ended.
func Indented(text, indent string) string {
	return Hanging(text, Indent(len(indent), Columns), Columns)
}

// Hanging breaks text at so many columns (0 is Columns), each line ended: the first behind
// the mark, the others as far in, or less where there is little room.
func Hanging(text, mark string, columns int) string {
	columns = width(columns)
	rest := Indent(len(mark), columns)
	var b strings.Builder
	// The first line has as little room as its mark leaves.
	for i, line := range hung(text, columns-len(mark), columns-len(rest)) {
		if i > 0 {
			mark = rest
		}
		b.WriteString(strings.TrimRight(mark+line, " ") + "\n")
	}
	return b.String()
}

// hung are lines whose first has another width than the others.
func hung(text string, first, rest int) []string {
	lines := Lines(text, first)
	if first == rest || len(lines) < 2 {
		return lines
	}
	return append(lines[:1], Lines(strings.Join(lines[1:], " "), rest)...)
}

// Indent is so many blanks, or a third of the columns (0 is Columns) if that is less.
func Indent(blanks, columns int) string {
	return strings.Repeat(" ", min(blanks, width(columns)/3))
}

func width(columns int) int {
	if columns == 0 {
		return Columns
	}
	return columns
}
