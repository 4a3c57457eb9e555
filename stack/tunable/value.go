package tunable

import (
	"fmt"
	"strconv"
	"strings"
)

// Parse reads a value as people and sysctl write it: a whole number in decimal,
// two ports apart by blanks or tabs, or one or two keys. Blanks around it do not
// matter. The error (a *Error) says what would have been taken.
func (d Def) Parse(text string) (int64, error) {
	fields := strings.Fields(text)
	var v int64
	switch {
	case d.Kind == Keys:
		keys, ok := parseKeys(text)
		if !ok {
			return 0, d.refuse("what was given is no key") // which is not to be repeated
		}
		return fingerprint(keys), nil
	case d.Kind == PortPair:
		lo, hi, ok := parsePorts(fields)
		if !ok {
			return 0, d.refuse("%q is not two ports apart by a blank", text)
		}
		v = pack(lo, hi)
	case len(fields) != 1:
		return 0, d.refuse("%q is not a whole number", text)
	default:
		var err error
		if v, err = strconv.ParseInt(fields[0], 10, 64); err != nil {
			return 0, d.refuse("%q is not a whole number", text)
		}
	}
	return v, d.check(v)
}

// Format prints a value, as Set.Int has it, so that Parse reads it: without its
// unit, ports with one blank between them. Of Keys it only knows the default.
func (d Def) Format(v int64) string {
	if d.Kind == Keys {
		return noKey
	}
	if d.Kind == PortPair {
		lo, hi := unpack(v)
		return fmt.Sprintf("%d %d", lo, hi)
	}
	return strconv.FormatInt(v, 10)
}

// Range describes the values taken: "0 or 1", "1 to 499 ms".
func (d Def) Range() string {
	switch {
	case d.Kind == Keys:
		return "a key in hexadecimal as " + noKey + ", or two with a comma between them"
	case d.Kind == PortPair:
		return fmt.Sprintf("two ports, FIRST LAST, from %d to %d", d.Min, d.Max)
	case d.Min == 0 && d.Max == 1:
		return "0 or 1"
	}
	return strings.TrimSpace(fmt.Sprintf("%d to %d %s", d.Min, d.Max, d.Unit))
}

// check refuses a value out of range, or a pair of ports in the wrong order.
func (d Def) check(v int64) error {
	lo, hi := v, v
	if d.Kind == Keys {
		return d.refuse("%d is no key", v)
	}
	if d.Kind == PortPair {
		first, last := unpack(v)
		if pack(first, last) != v {
			return d.refuse("%d is no pair of ports", v)
		}
		if lo, hi = int64(first), int64(last); lo > hi {
			return d.refuse("the first port of %q is above the last", d.Format(v))
		}
	}
	if lo < d.Min || hi > d.Max {
		return d.refuse("%s is out of range", d.Format(v))
	}
	return nil
}

func (d Def) refuse(format string, args ...any) error {
	return &Error{Name: d.Name, Why: fmt.Sprintf(format, args...) + "; give " + d.Range()}
}

// Error is a tunable that could not be set.
type Error struct {
	// Name is the tunable as it was given.
	Name string
	// Unknown: there is no tunable of that name.
	Unknown bool
	// Why says what is wrong and what would be right.
	Why string
}

func (e *Error) Error() string { return "tunable " + e.Name + ": " + e.Why }

func parsePorts(fields []string) (lo, hi uint16, ok bool) {
	if len(fields) != 2 {
		return 0, 0, false
	}
	first, err1 := strconv.ParseUint(fields[0], 10, 16)
	last, err2 := strconv.ParseUint(fields[1], 10, 16)
	return uint16(first), uint16(last), err1 == nil && err2 == nil
}

// pack makes one integer of a pair of ports, so that a Set can store and load
// them at once.
func pack(lo, hi uint16) int64 { return int64(lo)<<16 | int64(hi) }

func unpack(v int64) (lo, hi uint16) { return uint16(v >> 16), uint16(v) }
