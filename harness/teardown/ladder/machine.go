package ladder

import (
	"fmt"
	"strings"

	"lastack/harness/teardown"
)

// StateDiagram draws the way that both sides took through the connection states
// of RFC 9293 3.3.2, as a Mermaid state diagram: each transition with the segment
// that made it, as the side saw it, and when. It is empty if no state is known.
func StateDiagram(r *teardown.Report) string {
	var b strings.Builder
	for side, name := range [2]string{"client", "server"} {
		way := transitions(r, side)
		if len(way) == 0 {
			continue
		}
		fmt.Fprintf(&b, "    state %s {\n        direction TB\n", name)
		for _, t := range way {
			t.write(&b, name)
		}
		b.WriteString("    }\n")
	}
	if b.Len() == 0 {
		return ""
	}
	return "stateDiagram-v2\n    direction TB\n" + b.String()
}

// transition is a change of one side's state.
type transition struct {
	from, to  string // from is empty at the first
	cause, at string
}

// transitions are the changes of one side, the first being into the state in
// which it was seen first.
func transitions(r *teardown.Report, side int) (out []transition) {
	self := [2]teardown.Who{teardown.Client, teardown.Server}[side]
	state := ""
	for _, lines := range [2][]teardown.Line{r.Opening, r.Segments} {
		for i := range lines {
			l := &lines[i]
			if to := l.States[side]; to != state {
				out = append(out, transition{state, to, cause(l, self, to), millis(l.TimeUS) + " ms"})
				state = to
			}
		}
	}
	return out
}

// cause is what made the transition, in the words of the RFC's figure.
func cause(l *teardown.Line, self teardown.Who, to string) string {
	flags := strings.Replace(l.Flags, "PSH+", "", 1)
	if l.Carries != "" {
		flags = strings.Replace(flags, "ACK", "ACK of FIN", 1)
	}
	switch {
	case to == "LISTEN":
		return "passive OPEN"
	case l.Elided != nil:
		return "segments that were not kept"
	case l.From == self:
		return "snd " + flags
	}
	return "rcv " + flags
}

// write makes a line of the transition, and of a state that is new one that names
// it: both sides are one diagram's, so that each needs names of its own.
func (t *transition) write(b *strings.Builder, side string) {
	from, to := "[*]", side+"_"+identifier(t.to)
	if t.from != "" {
		from = side + "_" + identifier(t.from)
	}
	fmt.Fprintf(b, "        state \"%s\" as %s\n", mermaid(t.to), to)
	fmt.Fprintf(b, "        %s --> %s: %s<br/>%s\n", from, to, mermaid(t.cause), mermaid(t.at))
	if t.to == "CLOSED" {
		fmt.Fprintf(b, "        %s --> [*]\n", to)
	}
}

func identifier(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '_' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			return c
		}
		return '_'
	}, s)
}
