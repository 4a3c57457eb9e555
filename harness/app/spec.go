package app

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lastack/harness/term"
)

// Spec says which kind of app serves which port. It is a plain value; its zero
// value is not a valid Spec, because it names no kind.
type Spec struct {
	// Port is the TCP port to listen on. Nothing in this package listens: the
	// caller of [App.Serve] opens the listener, and Port is what it should open.
	Port uint16
	// Kind is the name of one of [Kinds].
	Kind string
	// Options are the kind's options by name, written as on the command line. An
	// option left out has its default; nil means all of them.
	Options map[string]string
}

// String returns the Spec in the syntax that [ParseSpec] reads, its options
// sorted by name.
func (s Spec) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d=%s", s.Port, s.Kind)
	for _, name := range slices.Sorted(maps.Keys(s.Options)) {
		fmt.Fprintf(&b, ",%s=%s", name, s.Options[name])
	}
	return b.String()
}

// Same reports whether two Specs mean the same app, wherever that is served: an option
// left out is its default, and 60 is as long as 60ms.
func Same(a, b Spec) bool {
	x, errA := settled(a)
	y, errB := settled(b)
	return errA == nil && errB == nil && a.Kind == b.Kind && maps.Equal(x, y)
}

// SpecError reports a Spec that cannot be used: a mistake of the user, not a
// failure of the machine.
type SpecError struct {
	// Spec is the text as given, or Spec.String for one that was not parsed.
	Spec string
	// Field is the part at fault: "port", "kind" or "option".
	Field string
	// Err says what is wrong with it and what would be right.
	Err error
}

// Error names the Spec, the field at fault, and what would be right.
func (e *SpecError) Error() string {
	return fmt.Sprintf("app %s: %s %v", term.Excerpt(e.Spec), e.Field, e.Err)
}

// Unwrap returns Err.
func (e *SpecError) Unwrap() error { return e.Err }

// specSyntax ends every complaint about the shape of a spec.
const specSyntax = "want PORT=KIND[,KEY=VALUE]..., such as 7=echo or 8002=slow-closer,delay=300ms"

// ParseSpec reads PORT=KIND[,KEY=VALUE]..., such as
// "8002=slow-closer,delay=300". The port is a decimal number from 1 to 65535;
// kind and options must exist, options at most once and with a value they accept.
// Nothing is trimmed or guessed. Every error is a [*SpecError].
func ParseSpec(text string) (Spec, error) {
	fail := func(field string, err error) (Spec, error) {
		return Spec{}, &SpecError{Spec: text, Field: field, Err: err}
	}
	port, rest, found := strings.Cut(text, "=")
	if !found {
		return fail("port", errors.New("is missing: "+specSyntax))
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fail("port", fmt.Errorf("%s is not a number from 1 to 65535: %s", term.Excerpt(port), specSyntax))
	}
	kind, rest, more := strings.Cut(rest, ",")
	if _, err := lookup(kind); err != nil {
		return fail("kind", err)
	}
	spec := Spec{Port: uint16(n), Kind: kind}
	if more {
		if spec.Options, err = parseOptions(rest); err != nil {
			return fail("option", err)
		}
	}
	if _, bad := build(spec, Config{}.withDefaults()); bad != nil {
		return fail(bad.Field, bad.Err)
	}
	return spec, nil
}

// parseOptions reads KEY=VALUE[,KEY=VALUE]... without looking at what they mean.
func parseOptions(text string) (map[string]string, error) {
	options := make(map[string]string)
	for item := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(item, "=")
		if !found {
			return nil, fmt.Errorf("%s has no value: %s", term.Excerpt(item), specSyntax)
		}
		if _, twice := options[name]; twice {
			return nil, fmt.Errorf("%s is given twice: keep one", term.Excerpt(name))
		}
		options[name] = value
	}
	return options, nil
}

// Defaults returns the apps a lab's host runs unless told otherwise: one of each
// kind, on the standard port where the protocol has one. The caller owns the
// slice and the maps in it.
func Defaults() []Spec {
	return []Spec{
		{Port: 7, Kind: "echo"},    // RFC 862
		{Port: 9, Kind: "discard"}, // RFC 863
		{Port: 80, Kind: "http"},
		{Port: 8001, Kind: "server-closes"},
		{Port: 8002, Kind: "slow-closer", Options: map[string]string{"delay": "300ms"}},
		{Port: 8003, Kind: "half-closer"},
		{Port: 8004, Kind: "leaker"},
		{Port: 8005, Kind: "aborter"},
		{Port: 8006, Kind: "unread"},
	}
}
