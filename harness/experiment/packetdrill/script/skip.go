package script

import "strings"

// skip moves over white space, comments and what #ifdef leaves out. It returns a
// tokBad and false where one of them is not ended.
//
// The forms of comments are those of C and C++, and outside Config.Strict lines that
// begin with '#'.
func (l *lexer) skip() (token, bool) {
	for l.off < len(l.text) {
		rest := l.text[l.off:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.off++
		case strings.HasPrefix(rest, "//"):
			l.line()
		case strings.HasPrefix(rest, "/*"):
			from := l.off
			if t := l.until("/*", "*/", tokWord); t.kind == tokBad && l.off == len(l.text) {
				t.off, t.end = from, l.off
				return t, false
			}
		case directive(rest, "#ifdef"):
			if t, ok := l.skipIfdef(); !ok {
				return t, false
			}
		case directive(rest, "#endif"):
			if l.ifdef < 0 {
				return l.badHere("#endif without #ifdef", len("#endif")), false
			}
			l.ifdef = -1
			l.off += len("#endif")
		case rest[0] == '#' && !l.strict && l.pos(l.off).first(l.text, l.lines):
			l.line()
		default:
			return token{}, true
		}
	}
	return token{}, true
}

func directive(rest, name string) bool {
	return strings.HasPrefix(rest, name) && (len(rest) == len(name) || !wordChar(rest[len(name)]))
}

// first reports whether nothing but white space precedes the position on its line.
func (p Pos) first(text string, lines []int) bool {
	from := lines[p.Line-1]
	return strings.TrimLeft(text[from:from+p.Column-1], " \t") == ""
}

// line moves behind the end of the line.
func (l *lexer) line() {
	if i := strings.IndexByte(l.text[l.off:], '\n'); i >= 0 {
		l.off += i + 1
		return
	}
	l.off = len(l.text)
}

// skipIfdef reads "#ifdef NAME", and all up to #endif if NAME is not defined. They do not
// nest.
func (l *lexer) skipIfdef() (token, bool) {
	if l.ifdef >= 0 {
		return l.badHere("#ifdef within #ifdef, which is not known; the first is in line "+itoa(l.pos(l.ifdef).Line), len("#ifdef")), false
	}
	rest := l.text[l.off+len("#ifdef"):]
	blank := len(rest) - len(strings.TrimLeft(rest, " \t"))
	n := span(rest[blank:], wordChar)
	if n == 0 {
		return l.badHere("#ifdef without a name", len("#ifdef")), false
	}
	l.ifdef = l.off
	l.off += len("#ifdef") + blank + n
	if _, ok := l.defines[rest[blank:blank+n]]; ok {
		return token{}, true
	}
	i := strings.Index(l.text[l.off:], "#endif")
	if i < 0 {
		l.off = len(l.text)
		return token{kind: tokBad, text: "#ifdef without #endif", off: l.ifdef, end: l.off}, false
	}
	l.off += i
	return token{}, true
}

func (l *lexer) badHere(why string, length int) token {
	t := token{kind: tokBad, text: why, off: l.off, end: l.off + length}
	l.off += length
	return t
}

// define replaces a word by what it is defined as.
func (l *lexer) define(t token) token {
	value, ok := l.defines[t.text]
	if !ok {
		return t
	}
	d := classify(value)
	for quote, kind := range map[string]tokenKind{`"`: tokString, "`": tokBackquoted} {
		if inner, ok := strings.CutPrefix(value, quote); ok {
			d = token{kind: kind, text: strings.TrimSuffix(inner, quote)}
		}
	}
	d.off, d.end, d.defined = t.off, t.end, true
	return d
}
