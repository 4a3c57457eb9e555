package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"lastack/harness/experiment"
	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
)

// Markdown writes the results as Markdown with Mermaid diagrams: for each the
// segments with the states of both sides, and the way of each through the states
// of RFC 9293.
func Markdown(w io.Writer, all []*experiment.Experiment, results []experiment.Result) error {
	var b strings.Builder
	for i, e := range entries(all, results) {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "## %s\n\n%s\n\n%s\n", markdown(e.Name), markdown(e.Question), markdown(e.Shows))
		for _, r := range e.Results {
			e.markdown(&b, r)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (e *entry) markdown(b *strings.Builder, r *experiment.Result) {
	fmt.Fprintf(b, "\n### %s on %s: %s\n", markdown(e.Name), markdown(r.Subject), markdown(r.Verdict))
	if r.Why != "" {
		fmt.Fprintf(b, "\n%s\n", markdown(r.Why))
	}
	for _, c := range shown(r) {
		connection(b, c, e.leg("in front of"), e.sides(r.Subject))
	}
	for _, c := range shownBehind(r) {
		connection(b, c, e.leg("behind"), e.sidesBehind(r.Subject))
	}
}

// connection writes what there is to say about a connection, and its diagrams.
func connection(b *strings.Builder, c *teardown.Report, leg string, sides ladder.Config) {
	if leg != "" {
		leg = markdown(strings.ToUpper(leg[:1])+leg[1:]) + ": "
	}
	fmt.Fprintf(b, "\n%s%s. %s (RFC %s)\n", leg, markdown(ladder.Verdict(c)), markdown(c.Reason), markdown(c.RFC))
	for _, diagram := range []string{ladder.Mermaid(c, sides), ladder.StateDiagram(c)} {
		if diagram != "" {
			fmt.Fprintf(b, "\n```mermaid\n%s```\n", diagram)
		}
	}
}

// markdown writes text on one line, so that no part of it is taken for markup:
// with a backslash before what Markdown may go by, and HTML's own escapes for what
// begins a tag or such an escape.
func markdown(s string) string {
	var b strings.Builder
	text := []rune(strings.Join(strings.Fields(s), " "))
	for i, c := range text {
		switch {
		case unicode.IsControl(c):
			b.WriteByte('?')
		case c == '<':
			b.WriteString("&lt;")
		case c == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*{}[]#|~!>", c), c == '_' && !within(text, i):
			b.WriteString("\\" + string(c))
		default:
			b.WriteRune(c)
		}
	}
	return listLike.ReplaceAllString(b.String(), `$1\$2`)
}

// listLike is how a line begins that Markdown takes for an item of a list, or
// underlines the one before it with.
var listLike = regexp.MustCompile(`^([0-9]*)([-+=.)])`)

// within reports whether a word goes on on both sides: TIME_WAIT is not emphatic.
func within(text []rune, i int) bool {
	word := func(i int) bool {
		return i >= 0 && i < len(text) && (unicode.IsLetter(text[i]) || unicode.IsDigit(text[i]))
	}
	return word(i-1) && word(i+1)
}
