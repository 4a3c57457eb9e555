// Package paragraph breaks prose into lines for a terminal.
package paragraph

import (
	"strings"

	"lastack/harness/term"
)

// columns is how wide an indented paragraph is, the indent included.
const columns = 78

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
	var b strings.Builder
	for _, line := range Lines(text, columns-len(indent)) {
		b.WriteString(strings.TrimRight(indent+line, " ") + "\n")
	}
	return b.String()
}
