// Package setting helps a person with the names of tunables, on any system.
package setting

import (
	"errors"
	"strings"

	"lastack/harness/term"
	"lastack/stack/tunable"
)

const (
	// manyNear is how many names are too many to suggest.
	manyNear = 4
	// longName is the longest name worth comparing with the table.
	longName = 64
)

// Suggest names the nearest tunables in the error of one that does not exist. Other errors,
// and nil, are returned as they are.
func Suggest(err error) error {
	var e *tunable.Error
	if !errors.As(err, &e) || !e.Unknown {
		return err
	}
	near := nearest(e.Name)
	if len(near) == 0 {
		return err
	}
	return &tunable.Error{Name: e.Name, Unknown: true, Why: "unknown tunable; did you mean " + strings.Join(near, " or ") + "?"}
}

// nearest lists the names that name may have been meant to be: those whose part
// after the last dot contains name's, so that "tw_reuse" finds tcp_tw_reuse, else
// those the fewest edits away, as long as two thirds of the part agree.
func nearest(name string) []string {
	if len(name) > longName {
		return nil
	}
	part := last(strings.ToLower(strings.ReplaceAll(name, "/", ".")))
	var within, near []string
	fewest := longName
	for _, d := range tunable.All() {
		v := last(d.Name)
		if part != "" && strings.Contains(v, part) {
			within = append(within, d.Name)
		}
		switch n := term.Distance(part, v); {
		case n > len(v)/3 || n > fewest:
		case n < fewest:
			fewest, near = n, []string{d.Name}
		default:
			near = append(near, d.Name)
		}
	}
	if fewest == 0 || len(within) == 0 {
		return near
	}
	if len(within) > manyNear {
		return nil
	}
	return within
}

func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
