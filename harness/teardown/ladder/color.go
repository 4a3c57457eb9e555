package ladder

import "strings"

// colour is the parameter of an ANSI SGR sequence; "" is none.
type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	dim    colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
)

func (d *drawing) paint(c colour, s string) string {
	if !d.cfg.Color || c == plain || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// colour tells a row's: FIN and RST are what the reader looks for.
func (r *row) colour() colour {
	switch {
	case r.line == nil:
		return dim
	case strings.Contains(r.line.Flags, "RST"):
		return red
	case strings.Contains(r.line.Flags, "FIN"):
		return cyan
	case r.line.Carries != "":
		return bold
	}
	return plain
}

// stateColour: waiting states are yellow, open ones green.
func stateColour(s string) colour {
	switch s {
	case "ESTABLISHED":
		return green
	case "TIME_WAIT", "CLOSE_WAIT", "FIN_WAIT_2", "CLOSING":
		return yellow
	case "CLOSED":
		return dim
	}
	return plain
}
