package experiment

import (
	"fmt"
	"strings"

	"lastack/harness/term"
)

func quote(text string) string { return term.Excerpt(text) }

// suggest ends a complaint about a name that is none of valid: with the nearest, or with
// all of them where none is near.
func suggest(name string, valid []string) string {
	if near, ok := term.Nearest(name, valid); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "there are " + strings.Join(valid, ", ")
}
