package app

import (
	"fmt"
	"strings"

	"lastack/harness/term"
)

// unknown returns the error for a name that is none of valid: it suggests the
// nearest one, if one is near, and lists them all. what is the plural of the noun.
func unknown(name, what string, valid []string) error {
	hint := ""
	if near, ok := term.Nearest(name, valid); ok {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	if len(valid) == 0 {
		return fmt.Errorf("%s does not exist: there are no %s", term.Excerpt(name), what)
	}
	return fmt.Errorf("%s does not exist%s (%s: %s)", term.Excerpt(name), hint, what, strings.Join(valid, ", "))
}
