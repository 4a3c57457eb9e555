package experiment

import (
	"fmt"
	"strings"

	"lastack/stack/spelling"
)

// quote returns text quoted, cut short so that a mistake of a megabyte does not
// fill the screen.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}

// suggest ends a complaint about a name that is none of valid: with one that it
// begins, the nearest, or with all of them where none is near.
func suggest(name string, valid []string) string {
	const longest = 64 // of a name that is worth comparing
	best, fewest := "", longest
	if len(name) <= longest {
		for _, v := range valid {
			if d := spelling.Distance(strings.ToLower(name), strings.ToLower(v)); d < fewest {
				best, fewest = v, d
			}
		}
	}
	for _, v := range valid {
		if name != "" && strings.HasPrefix(strings.ToLower(v), strings.ToLower(name)) {
			return fmt.Sprintf("did you mean %q?", v)
		}
	}
	if best != "" && fewest <= max(len(best)/2, 1) {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "there are " + strings.Join(valid, ", ")
}
