package script

import (
	"sort"
	"strconv"
	"strings"
)

type tokenKind int

const (
	tokEOF tokenKind = iota
	tokInt
	tokFloat
	tokWord
	tokString
	tokBackquoted
	tokCode
	tokOption
	tokEllipsis
	tokPunct
	// tokBad is what is no token; text says why. It becomes an error only where the
	// parser wants a token, as the parser reads addresses, flags and notes by character.
	tokBad
)

type token struct {
	kind tokenKind
	// text is the token without quotes, backticks and dashes.
	text string
	num  int64 // of tokInt
	hex  bool  // of tokInt
	// off and end are offsets in the text of the script.
	off, end int
	// defined: a definition replaced a word by this token.
	defined bool
}

func (t token) is(punct string) bool { return t.kind == tokPunct && t.text == punct }

func (t token) isWord(word string) bool { return t.kind == tokWord && t.text == word }

// lexer turns a script's text into tokens.
type lexer struct {
	file string
	text string
	off  int
	// lines are the offsets at which lines begin.
	lines   []int
	defines map[string]string
	strict  bool
	// ifdef is where the open #ifdef is, -1 for none.
	ifdef int
}

func newLexer(file, text string, c Config) *lexer {
	l := &lexer{file: file, text: text, lines: []int{0}, ifdef: -1, strict: c.Strict, defines: map[string]string{}}
	for i := range len(text) {
		if text[i] == '\n' {
			l.lines = append(l.lines, i+1)
		}
	}
	return l
}

func (l *lexer) pos(off int) Pos {
	line := sort.SearchInts(l.lines, off+1)
	return Pos{File: l.file, Line: line, Column: off - l.lines[line-1] + 1}
}

// next returns the next token.
func (l *lexer) next() token {
	if bad, ok := l.skip(); !ok {
		return bad
	}
	off := l.off
	if off == len(l.text) {
		if l.ifdef >= 0 {
			return token{kind: tokBad, text: "#ifdef without #endif", off: l.ifdef, end: off}
		}
		return token{kind: tokEOF, off: off, end: off}
	}
	t := l.scan()
	t.off, t.end = off, l.off
	if t.kind == tokWord {
		return l.define(t)
	}
	return t
}

// scan reads a token that begins at l.off, which is not at the end.
func (l *lexer) scan() token {
	rest := l.text[l.off:]
	c := rest[0]
	switch {
	case strings.HasPrefix(rest, "..."):
		l.off += 3
		return token{kind: tokEllipsis, text: "..."}
	case strings.HasPrefix(rest, "%{"):
		return l.until("%{", "}%", tokCode)
	case strings.HasPrefix(rest, "--") && len(rest) > 2 && wordChar(rest[2]):
		n := 2 + span(rest[2:], wordChar)
		l.off += n
		return token{kind: tokOption, text: rest[2:n]}
	case c == '"':
		return l.quoted('"', tokString)
	case c == '`':
		return l.quoted('`', tokBackquoted)
	case wordChar(c) || number(rest):
		return l.wordOrNumber(rest)
	case c < ' ' || c > '~':
		l.off++
		return token{kind: tokBad, text: "the character " + strconv.QuoteToASCII(string(rune(c))) + " has no meaning here"}
	}
	l.off++
	return token{kind: tokPunct, text: rest[:1]}
}

// number reports whether what does not begin with a word's character is a number: "-1",
// ".5", "-.5".
func number(s string) bool {
	s = strings.TrimPrefix(s, "-")
	s = strings.TrimPrefix(s, ".")
	return s != "" && digit(s[0])
}

func (l *lexer) wordOrNumber(rest string) token {
	sign := 0
	if rest[0] == '-' {
		sign = 1
	}
	n := sign + span(rest[sign:], wordChar)
	whole := sign + span(rest[sign:], digit)
	if whole == n && len(rest) > n+1 && rest[n] == '.' && digit(rest[n+1]) {
		n += 1 + span(rest[n+1:], digit)
		l.off += n
		return token{kind: tokFloat, text: rest[:n]}
	}
	l.off += n
	return classify(rest[:n])
}

// classify says whether letters, digits and a sign are a number or a word.
func classify(text string) token {
	digits := strings.TrimPrefix(text, "-")
	base := 10
	if hex, ok := strings.CutPrefix(text, "0x"); ok && hex != "" && span(hex, hexDigit) == len(hex) {
		digits, base = hex, 16
	} else if digits == "" || span(digits, digit) != len(digits) {
		return token{kind: tokWord, text: text}
	}
	u, err := strconv.ParseUint(digits, base, 63)
	if err != nil {
		return token{kind: tokBad, text: "the number " + quote(text) + " is out of range"}
	}
	t := token{kind: tokInt, text: text, num: int64(u), hex: base == 16}
	if digits != text && base == 10 {
		t.num = -t.num
	}
	return t
}

// quoted reads up to the quote that ends what the one at l.off begins.
func (l *lexer) quoted(quote byte, kind tokenKind) token {
	for i := l.off + 1; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			i++
		case quote:
			t := token{kind: kind, text: l.text[l.off+1 : i]}
			l.off = i + 1
			return t.limited()
		}
	}
	return l.unended(string(quote), string(quote))
}

func (l *lexer) until(begin, end string, kind tokenKind) token {
	i := strings.Index(l.text[l.off+len(begin):], end)
	if i < 0 {
		return l.unended(begin, end)
	}
	from := l.off + len(begin)
	l.off = from + i + len(end)
	return token{kind: kind, text: l.text[from : from+i]}.limited()
}

func (l *lexer) unended(begin, end string) token {
	l.off = len(l.text)
	return token{kind: tokBad, text: begin + " is not ended by " + end}
}

// limited refuses a text that is too long.
func (t token) limited() token {
	if len(t.text) > maxText {
		return token{kind: tokBad, text: "a text of " + strconv.Itoa(len(t.text)) + " bytes; at most " + strconv.Itoa(maxText) + " are read"}
	}
	return t
}

func wordChar(c byte) bool {
	return c == '_' || digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func hexDigit(c byte) bool {
	return digit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// span is the length of what s begins with of which every byte is in.
func span(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}
