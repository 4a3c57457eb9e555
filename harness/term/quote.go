package term

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Quote makes text that somebody else chose (the name of a process, a file or an
// interface, what a peer sent, what a program printed) fit to be printed on a terminal.
// Text of printable characters and blanks alone is returned as it is. Other text is
// returned as a Go string literal: an escape sequence cannot move the cursor, a newline
// cannot begin a line of its own, and characters that reverse the direction of writing
// show as what they are.
func Quote(text string) string {
	if printable(text) {
		return text
	}
	return strconv.Quote(text)
}

// Escape does the same to a whole line that others chose parts of, such as an error:
// only what is not printable is replaced by its escape, and nothing is put in quotes.
func Escape(line string) string {
	if printable(line) {
		return line
	}
	var b strings.Builder
	for len(line) > 0 {
		r, n := utf8.DecodeRuneInString(line)
		if strconv.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b.WriteString(line[:n])
		} else {
			quoted := strconv.Quote(line[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		line = line[n:]
	}
	return b.String()
}

// printable reports whether text is UTF-8 of characters that take room on a line.
func printable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) < 0
}
