package script

import (
	"strconv"

	"lastack/harness/term"
)

// Error is what is wrong with a script, and where.
type Error struct {
	Pos Pos
	// Text is one line. Parts of the script in it are quoted.
	Text string
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Text }

// quote returns text quoted, cut short.
func quote(text string) string { return term.Excerpt(text) }

// clip returns a word of letters and digits, cut short.
func clip(word string) string {
	const most = 60
	if len(word) > most {
		return word[:most] + "..."
	}
	return word
}

func itoa(n int) string { return strconv.Itoa(n) }

// suggest ends a complaint about a name that is none of valid: with the nearest one, and
// with nothing where none is near.
func suggest(name string, valid []string) string {
	near, ok := term.Nearest(name, valid)
	if !ok {
		return ""
	}
	return "; did you mean " + quote(near) + "?"
}
