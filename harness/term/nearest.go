package term

import (
	"strconv"
	"strings"
)

// Nearest returns the valid name that name was most likely meant to be: the one it begins,
// if that is only one, else the one fewest edits away, as long as at least half of it
// agrees. Case does not count.
func Nearest(name string, valid []string) (near string, ok bool) {
	const longest = 64 // of a name that is worth comparing
	if name == "" || len(name) > longest {
		return "", false
	}
	name = strings.ToLower(name)
	var begun []string
	fewest := longest
	for _, v := range valid {
		low := strings.ToLower(v)
		if strings.HasPrefix(low, name) {
			begun = append(begun, v)
		}
		if d := Distance(name, low); d < fewest {
			near, fewest = v, d
		}
	}
	if len(begun) == 1 {
		return begun[0], true
	}
	return near, near != "" && fewest <= max(len(near)/2, 1)
}

// Distance is the Levenshtein distance between two strings, in bytes: names are ASCII.
// It takes time in proportion to the product of their lengths.
func Distance(a, b string) int {
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

// Excerpt returns text in quotes for an error message, cut short so that a mistake of
// a megabyte does not fill the screen.
func Excerpt(text string) string {
	const most = 60
	if len(text) > most {
		return strconv.Quote(text[:most]) + "..."
	}
	return strconv.Quote(text)
}
