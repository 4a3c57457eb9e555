package app

import (
	"fmt"
	"strings"
)

// quote returns text quoted for an error message, cut short so that a mistake of
// a megabyte does not fill the screen.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}

// unknown returns the error for a name that is none of valid: it suggests the
// nearest one, if one is near, and lists them all. what is the plural of the noun.
func unknown(name, what string, valid []string) error {
	hint := ""
	if near, ok := nearest(name, valid); ok {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	if len(valid) == 0 {
		return fmt.Errorf("%s does not exist: there are no %s", quote(name), what)
	}
	return fmt.Errorf("%s does not exist%s (%s: %s)", quote(name), hint, what, strings.Join(valid, ", "))
}

// nearest returns the valid name that name was most likely meant to be: the one
// it begins, if that is only one, else the one fewest edits away, as long as at
// least half of it agrees.
func nearest(name string, valid []string) (string, bool) {
	const longest = 64 // of a name that is worth comparing
	if name == "" || len(name) > longest {
		return "", false
	}
	name = strings.ToLower(name)
	var begun []string
	best, fewest := "", 0
	for _, v := range valid {
		if strings.HasPrefix(v, name) {
			begun = append(begun, v)
		}
		if d := edits(name, v); best == "" || d < fewest {
			best, fewest = v, d
		}
	}
	if len(begun) == 1 {
		return begun[0], true
	}
	if best == "" || fewest > len(best)/2 {
		return "", false
	}
	return best, true
}

// edits returns the Levenshtein distance between two strings, in bytes: names
// here are ASCII.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
