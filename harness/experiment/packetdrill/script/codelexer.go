package script

import "strings"

// codeTokens splits a block of code. It uses tokens of the kinds tokInt, tokFloat,
// tokWord, tokString and tokPunct, and tokPunct "\n" for the end of a line that ends a
// statement. Offsets are in the text of the script.
func (p *parser) codeTokens(from, to int) []token {
	var all []token
	depth := 0
	for off := from; off < to; {
		rest := p.text[off:to]
		n, t := codeToken(rest)
		switch {
		case t.kind == tokBad:
			p.fail(off, "%s", t.text)
			return nil
		case t.is("(") || t.is("["):
			depth++
		case t.is(")") || t.is("]"):
			depth--
		case t.is("\n") && depth > 0:
			t.text = ""
		}
		t.off, t.end = off, off+n
		if t.text != "" || t.kind == tokString {
			all = append(all, t)
		}
		off += n
	}
	return append(all, token{kind: tokEOF, off: to, end: to})
}

// operators, the longer ones first.
var operators = []string{
	"**", "//=", "<<", ">>", "//", "==", "!=", "<=", ">=", "+=", "-=", "*=", "|=", "&=",
	"+", "-", "*", "/", "%", "&", "|", "^", "~", "<", ">", "=", "(", ")", "[", "]", ",", ":", ";", "\n",
}

// codeToken reads what s begins with, and returns its length with it; a token without a
// text is white space or a comment.
func codeToken(s string) (int, token) {
	c := s[0]
	switch {
	case c == ' ' || c == '\t' || c == '\r':
		return 1, token{kind: tokPunct}
	case c == '\\':
		n := 1 + span(s[1:], func(c byte) bool { return c == ' ' || c == '\t' || c == '\r' })
		if n == len(s) {
			return n, token{kind: tokPunct}
		}
		if s[n] == '\n' {
			return n + 1, token{kind: tokPunct}
		}
	case c == '#':
		if n := strings.IndexByte(s, '\n'); n >= 0 {
			return n, token{kind: tokPunct}
		}
		return len(s), token{kind: tokPunct}
	case c == '"' || c == '\'':
		for i := 1; i < len(s) && s[i] != '\n'; i++ {
			if s[i] == c {
				return i + 1, token{kind: tokString, text: s[1:i]}
			}
			if s[i] == '\\' {
				i++
			}
		}
		return 1, token{kind: tokBad, text: "the string does not end on its line"}
	case digit(c):
		n := span(s, wordChar)
		if span(s, digit) == n && len(s) > n+1 && s[n] == '.' && digit(s[n+1]) {
			n += 1 + span(s[n+1:], digit)
			return n, token{kind: tokFloat, text: s[:n]}
		}
		if t := classify(s[:n]); t.kind != tokWord {
			return n, t
		}
		return n, token{kind: tokBad, text: "no number: " + quote(s[:n])}
	case wordChar(c):
		n := span(s, wordChar)
		return n, token{kind: tokWord, text: s[:n]}
	}
	for _, op := range operators {
		if strings.HasPrefix(s, op) {
			return len(op), token{kind: tokPunct, text: op}
		}
	}
	return 1, token{kind: tokBad, text: "no part of an expression: " + quote(s[:1])}
}
