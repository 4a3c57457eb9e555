package script

import (
	"slices"
	"strconv"
	"strings"
)

// codeParser reads a block of code. Its errors are p's.
type codeParser struct {
	p    *parser
	toks []token
	// i is that of the token at hand.
	i     int
	depth int
}

// code reads a block "%{ ... }%".
func (p *parser) code() *Code {
	t := p.tok
	c := &Code{Pos: p.pos(t.off), Text: t.text}
	if t.defined {
		p.unexpected("code")
		return c
	}
	q := &codeParser{p: p, toks: p.codeTokens(t.off+len("%{"), t.end-len("}%"))}
	if p.err != nil {
		return c
	}
	for q.skip(); q.tok().kind != tokEOF && p.err == nil; q.skip() {
		c.Statements = append(c.Statements, q.statement())
		if !q.tok().is(";") && !q.tok().is("\n") && q.tok().kind != tokEOF {
			q.unexpected("the end of the statement")
		}
	}
	if p.err == nil {
		p.advance()
	}
	return c
}

func (q *codeParser) tok() token { return q.toks[q.i] }

func (q *codeParser) advance() {
	if q.i < len(q.toks)-1 {
		q.i++
	}
}

// skip moves over the ends of statements.
func (q *codeParser) skip() {
	for q.tok().is(";") || q.tok().is("\n") {
		q.advance()
	}
}

func (q *codeParser) accept(punct string) bool {
	if q.tok().is(punct) {
		q.advance()
		return true
	}
	return false
}

func (q *codeParser) acceptWord(word string) bool {
	if q.tok().isWord(word) {
		q.advance()
		return true
	}
	return false
}

func (q *codeParser) unexpected(want string) {
	t := q.tok()
	if t.kind == tokEOF {
		q.p.fail(t.off, "the code ends where %s is expected", want)
		return
	}
	q.p.fail(t.off, "%s where %s is expected", quote(q.p.text[t.off:t.end]), want)
}

func (q *codeParser) statement() Statement {
	t := q.tok()
	q.depth++
	defer func() { q.depth-- }()
	if q.depth > maxDepth {
		q.p.fail(t.off, "more than %d levels within one another", maxDepth)
		return noStatement{}
	}
	if t.kind != tokWord {
		q.unexpected("a statement: assert, an assignment, print, if or pass")
		return noStatement{}
	}
	q.advance()
	switch t.text {
	case "assert":
		return q.assert(t)
	case "pass":
		return noStatement{}
	case "print":
		return q.print()
	case "if":
		s := &ifStatement{cond: q.expr()}
		if !q.accept(":") {
			q.unexpected("\":\"")
		}
		if q.tok().is("\n") {
			q.unexpected("a statement on the line of \"if\"; blocks of lines are not supported")
			return s
		}
		s.then = q.statement()
		return s
	}
	return q.assignment(t)
}

func (q *codeParser) assert(t token) Statement {
	s := &assertStatement{pos: q.p.pos(t.off)}
	from := q.i
	at := q.tok().off
	s.cond = q.expr()
	if q.p.err != nil {
		return s
	}
	s.text = q.p.text[at:q.toks[q.i-1].end]
	for _, t := range q.toks[from:q.i] {
		if t.kind == tokWord && !keyword(t.text) && !slices.Contains(s.names, t.text) && functions[t.text] == nil {
			s.names = append(s.names, t.text)
		}
	}
	if q.accept(",") {
		q.expr() // the message, for which AssertError has something better
	}
	return s
}

// print reads what is to be printed, with and without parentheses, and forgets it.
func (q *codeParser) print() Statement {
	if t := q.tok(); t.is(";") || t.is("\n") || t.kind == tokEOF {
		return noStatement{}
	}
	q.expr()
	for q.accept(",") {
		q.expr()
	}
	return noStatement{}
}

// assignments are the operators of assignments, and what they do with the old value.
var assignments = map[string]string{"=": "", "+=": "+", "-=": "-", "*=": "*", "|=": "|", "&=": "&", "//=": "//"}

func (q *codeParser) assignment(t token) Statement {
	op, ok := assignments[q.tok().text]
	if !ok || q.tok().kind != tokPunct || keyword(t.text) {
		q.p.fail(t.off, "%s is no statement; there are assert, name = value, print, if and pass", quote(t.text))
		return noStatement{}
	}
	q.advance()
	s := &assignStatement{pos: q.p.pos(t.off), name: t.text, value: q.expr()}
	if op != "" {
		s.value = &binaryExpr{op: op, x: &nameExpr{s.pos, t.text}, y: s.value, pos: s.pos}
	}
	return s
}

func keyword(word string) bool {
	return slices.Contains([]string{"and", "or", "not", "in", "is", "if", "else", "assert", "print", "pass", "for", "while", "def", "import", "from", "lambda", "del", "return", "class", "with", "try"}, word)
}

// binding are the binary operators from the loosest to the tightest.
var binding = [][]string{{"or"}, {"and"}, {"not"}, {"=="}, {"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%"}}

func (q *codeParser) expr() codeExpr { return q.level(0) }

func (q *codeParser) level(n int) codeExpr {
	q.depth++
	defer func() { q.depth-- }()
	if q.depth > maxDepth*len(binding) {
		q.p.fail(q.tok().off, "more than %d parentheses within one another", maxDepth)
		return literal{int64(0)}
	}
	if n == len(binding) {
		return q.unary()
	}
	t := q.tok()
	switch binding[n][0] {
	case "not":
		if q.acceptWord("not") {
			return &unaryExpr{op: "not", x: q.level(n), pos: q.p.pos(t.off)}
		}
		return q.level(n + 1)
	case "==":
		return q.comparison(n)
	}
	x := q.level(n + 1)
	for {
		t := q.tok()
		if (t.kind != tokPunct && t.kind != tokWord) || !slices.Contains(binding[n], t.text) {
			return x
		}
		q.advance()
		x = &binaryExpr{op: t.text, x: x, y: q.level(n + 1), pos: q.p.pos(t.off)}
	}
}

func (q *codeParser) comparison(n int) codeExpr {
	x := q.level(n + 1)
	c := &chainExpr{pos: q.p.pos(q.tok().off), operands: []codeExpr{x}}
	for {
		op := q.tok().text
		switch t := q.tok(); {
		case t.kind == tokPunct && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, op):
			q.advance()
		case t.isWord("in"):
			q.advance()
		case t.isWord("not"):
			q.advance()
			op = "not in"
			if !q.acceptWord("in") {
				q.unexpected("\"in\"")
			}
		default:
			if len(c.ops) == 0 {
				return x
			}
			return c
		}
		c.ops = append(c.ops, op)
		c.operands = append(c.operands, q.level(n+1))
	}
}

func (q *codeParser) unary() codeExpr {
	t := q.tok()
	if t.is("-") || t.is("+") || t.is("~") {
		q.advance()
		q.depth++
		defer func() { q.depth-- }()
		if q.depth > maxDepth*len(binding) {
			q.p.fail(t.off, "more than %d signs in a row", maxDepth)
			return literal{int64(0)}
		}
		return &unaryExpr{op: t.text, x: q.unary(), pos: q.p.pos(t.off)}
	}
	q.advance()
	switch {
	case t.kind == tokInt:
		return literal{t.num}
	case t.kind == tokFloat:
		f, _ := strconv.ParseFloat(t.text, 64) // digits and one point
		return literal{f}
	case t.kind == tokString:
		return literal{t.text}
	case t.kind == tokWord && functions[t.text] != nil && q.tok().is("("):
		q.advance()
		l, _ := q.elements(")")
		return &callExpr{name: t.text, args: l, pos: q.p.pos(t.off)}
	case t.kind == tokWord && !keyword(t.text):
		if q.tok().is("(") {
			q.p.fail(t.off, "no function %s; there are %s", quote(t.text), strings.Join(keys(functions), ", "))
		}
		return &nameExpr{q.p.pos(t.off), t.text}
	case t.is("("):
		l, tuple := q.elements(")")
		if len(l) == 1 && !tuple {
			return l[0]
		}
		return &listExpr{l}
	case t.is("["):
		l, _ := q.elements("]")
		return &listExpr{l}
	}
	if t.kind != tokEOF {
		q.i-- // back to what is unexpected
	}
	q.unexpected("a number, a name, a string or \"(\"")
	return literal{int64(0)}
}

// elements reads expressions up to the bracket; comma: there is one behind the last.
func (q *codeParser) elements(end string) (all []codeExpr, comma bool) {
	for !q.accept(end) {
		all = append(all, q.expr())
		comma = q.accept(",")
		if q.p.err != nil || !comma && !q.tok().is(end) {
			q.unexpected("\",\" or " + quote(end))
			return all, comma
		}
	}
	return all, comma
}
