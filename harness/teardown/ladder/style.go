package ladder

import (
	_ "embed"
	"fmt"
	"html"
	"strings"

	"lastack/harness/teardown"
	"lastack/stack/flow"
)

// Style is the CSS that the pictures of a page need, once. Its colours follow
// what the reader prefers, dark or light, and are light on paper.
//
//go:embed style.css
var Style string

// States are the connection states in the RFC's order, each of which is a class
// in Style that sets the custom properties --state and --on-state, a colour and
// that of text upon it.
func States() []string {
	var names []string
	for s := flow.Listen; s <= flow.Closed; s++ {
		names = append(names, s.String())
	}
	return names
}

// kind is the class of an arrow: FIN and RST are what the reader looks for.
func (r *row) kind() string {
	switch r.colour() {
	case red:
		return "rst"
	case cyan:
		return "fin"
	case bold:
		return "carries"
	}
	return "plain"
}

// describe says what is in the picture, for readers who cannot see it.
func describe(r *teardown.Report, full bool) string {
	var b strings.Builder
	b.WriteString(r.Reason)
	for _, row := range rows(r, full) {
		fmt.Fprintf(&b, " %s ms: ", millis(row.timeUS))
		if row.line == nil {
			b.WriteString(arrows(row.sum[0]))
		} else {
			fmt.Fprintf(&b, "%s sends %s", row.line.From, row.line.Flags)
			if !row.line.Arrived() {
				b.WriteString(", which is lost")
			}
		}
		fmt.Fprintf(&b, " (%s, %s).", row.states[0], row.states[1])
	}
	return b.String()
}

// arrows writes a sum's arrows as such.
func arrows(s string) string {
	return strings.NewReplacer("->", "\u2192", "<-", "\u2190").Replace(s)
}

// text makes markup of a text.
func text(s string) string { return html.EscapeString(s) }
