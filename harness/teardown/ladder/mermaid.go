package ladder

import (
	"fmt"
	"strings"

	"lastack/harness/teardown"
)

// Mermaid draws the report as a Mermaid sequence diagram: what Render shows, with
// states as notes beside their sides. Width and Color of the Config do not count.
func Mermaid(r *teardown.Report, cfg Config) string {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	for i, name := range [2]string{"client", "server"} {
		if label := [2]string{cfg.Client, cfg.Server}[i]; label != "" {
			name += ": " + label
		}
		fmt.Fprintf(&b, "    participant %s as %s<br/>%s\n", participants[i], mermaid(name), mermaid([2]string{r.Client, r.Server}[i]))
	}
	var states [2]string
	for _, row := range rows(r, cfg.Full) {
		b.WriteString("    " + message(&row) + "\n")
		for i, place := range [2]string{"left of C", "right of S"} {
			if row.states[i] != states[i] {
				states[i] = row.states[i]
				fmt.Fprintf(&b, "    Note %s: %s\n", place, mermaid(states[i]))
			}
		}
		if len(row.notes) > 0 {
			fmt.Fprintf(&b, "    Note over C,S: %s\n", mermaid(strings.Join(row.notes, "; ")))
		}
	}
	return b.String()
}

var participants = [2]string{"C", "S"}

// message is a row's segment, or a note about the sum of several.
func message(r *row) string {
	at := millis(r.timeUS) + " ms: "
	if r.line == nil {
		return "Note over C,S: " + at + arrows(r.sum[0])
	}
	from, to, arrow := "C", "S", "->>"
	if r.line.From == teardown.Server {
		from, to = to, from
	}
	if !r.line.Arrived() {
		arrow = "-x"
	}
	all := labels(r.line)
	return from + arrow + to + ": " + mermaid(at+all[len(all)-1])
}

// mermaid writes text so that no part of it is taken for Mermaid's syntax or for
// markup: as a number what is neither a letter nor a digit nor harmless, and the
// first letter of the word that ends a block.
func mermaid(s string) string {
	var b strings.Builder
	for _, word := range strings.SplitAfter(ascii(s), " ") {
		if strings.EqualFold(strings.TrimSpace(word), "end") {
			fmt.Fprintf(&b, "#%d;%s", word[0], word[1:])
			continue
		}
		for _, c := range word {
			if harmless(c) {
				b.WriteRune(c)
			} else {
				fmt.Fprintf(&b, "#%d;", c)
			}
		}
	}
	return b.String()
}

func harmless(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(" _.,:+=()/'-", c)
}
