package soak

import (
	"fmt"

	"lastack/stack"
	"lastack/stack/tunable"
)

// Lightness says when a soaked host serves connections light (lastack.light). It is a
// flag.Value.
type Lightness string

// The ways to serve.
const (
	Never  Lightness = ""
	Always Lightness = "always"
	// Half is for half of each phase: connections that begin before and after the change
	// live side by side.
	Half Lightness = "half"
)

// String is the flag's value.
func (l *Lightness) String() string {
	if l == nil || *l == Never {
		return "never"
	}
	return string(*l)
}

// Set takes the flag's value; 1 and true, which -light alone is, are always.
func (l *Lightness) Set(text string) error {
	switch text {
	case "1", "true", "always":
		*l = Always
	case "0", "false", "never":
		*l = Never
	case "half":
		*l = Half
	default:
		return fmt.Errorf("give never, always or half")
	}
	return nil
}

// IsBoolFlag lets the flag stand alone.
func (*Lightness) IsBoolFlag() bool { return true }

// serve puts it in force for the first half of a phase, or the second.
func (l Lightness) serve(h *stack.Host, second bool) error {
	var on int64
	if l == Always || l == Half && second {
		on = 1
	}
	return h.Tunables().SetInt(tunable.Light, on)
}
