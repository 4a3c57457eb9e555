package script

import (
	"strconv"
	"strings"

	"lastack/stack/spelling"
)

// Error is what is wrong with a script, and where.
type Error struct {
	Pos Pos
	// Text is one line. Parts of the script in it are quoted.
	Text string
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Text }

// quote returns text quoted, cut short so that a mistake of a megabyte does not fill the
// screen.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		return strconv.QuoteToASCII(text[:most]) + "..."
	}
	return strconv.QuoteToASCII(text)
}

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
	const longest = 64 // of a name that is worth comparing
	if len(name) > longest {
		return ""
	}
	best, fewest := "", max(len(name)/3, 1)+1
	for _, v := range valid {
		if d := spelling.Distance(strings.ToLower(name), strings.ToLower(v)); d < fewest {
			best, fewest = v, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + quote(best) + "?"
}
