package ladder

import (
	"fmt"
	"strings"

	"lastack/harness/teardown"
)

// PlantUML draws the report as a sequence diagram of PlantUML: what Render shows, with
// states as notes beside their sides. Width and Color of the Config do not count.
func PlantUML(r *teardown.Report, cfg Config) string {
	var b strings.Builder
	b.WriteString("@startuml\n")
	for i, name := range [2]string{"client", "server"} {
		if label := [2]string{cfg.Client, cfg.Server}[i]; label != "" {
			name += ": " + label
		}
		fmt.Fprintf(&b, "participant \"%s\\n%s\" as %s\n", plantuml(name), plantuml([2]string{r.Client, r.Server}[i]), participants[i])
	}
	var states [2]string
	for _, row := range rows(r, cfg.Full) {
		b.WriteString(plantMessage(&row) + "\n")
		for i, place := range [2]string{"left of C", "right of S"} {
			if row.states[i] != states[i] {
				states[i] = row.states[i]
				fmt.Fprintf(&b, "note %s: %s\n", place, plantuml(states[i]))
			}
		}
		if len(row.notes) > 0 {
			fmt.Fprintf(&b, "note over C,S: %s\n", plantuml(strings.Join(row.notes, "; ")))
		}
	}
	b.WriteString("@enduml\n")
	return b.String()
}

func plantMessage(r *row) string {
	at := millis(r.timeUS) + " ms: "
	if r.line == nil {
		return "note over C,S: " + plantuml(at+r.sum[0])
	}
	from, to, arrow := "C", "S", "->"
	if r.line.From == teardown.Server {
		from, to = to, from
	}
	if !r.line.Arrived() {
		arrow = "->x"
	}
	all := labels(r.line)
	return from + " " + arrow + " " + to + ": " + plantuml(at+all[len(all)-1])
}

// plantuml writes text so that no part of it is markup: what is neither a letter nor a
// digit nor harmless becomes a number. An underscore pair and a dash pair are markup too.
func plantuml(s string) string {
	var b strings.Builder
	last := rune(0)
	for _, c := range ascii(s) {
		if harmless(c) && (c != last || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, "&#%d;", c)
		}
		last = c
	}
	return b.String()
}
