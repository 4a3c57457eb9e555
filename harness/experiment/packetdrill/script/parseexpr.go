package script

import (
	"slices"
	"strings"
)

// list reads expressions up to the bracket that ends them.
func (p *parser) list(end string) []Expr {
	var all []Expr
	if p.accept(end) {
		return nil
	}
	for {
		if len(all) == maxElements {
			p.fail(p.tok.off, "more than %d elements", maxElements)
			return nil
		}
		all = append(all, p.expr())
		if p.accept(end) {
			return all
		}
		if !p.tok.is(",") {
			p.unexpected("\",\" or " + quote(end))
			return all
		}
		p.advance()
	}
}

// enter counts brackets within one another; the caller lowers p.depth after it.
func (p *parser) enter() bool {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.tok.off, "more than %d brackets within one another", maxDepth)
		return false
	}
	return true
}

// expr reads an argument, a result or the value of a field.
func (p *parser) expr() Expr {
	n := p.node()
	first := p.term()
	if !p.tok.is("|") {
		return first
	}
	or := &Or{node: n, Terms: []Expr{first}}
	for p.accept("|") {
		if len(or.Terms) == maxElements {
			p.fail(p.tok.off, "more than %d terms", maxElements)
			break
		}
		or.Terms = append(or.Terms, p.term())
	}
	return or
}

func (p *parser) node() node { return node{Pos: p.pos(p.tok.off)} }

// term reads an expression without '|'. After an error it returns an Ellipsis, so that no
// tree has nil in it.
func (p *parser) term() Expr {
	n := p.node()
	if !p.enter() {
		return &Ellipsis{n}
	}
	defer func() { p.depth-- }()
	t := p.tok
	switch {
	case t.kind == tokEllipsis:
		p.advance()
		return &Ellipsis{n}
	case t.kind == tokInt:
		p.advance()
		return &Int{node: n, Value: t.num, Hex: t.hex}
	case t.kind == tokString:
		return p.str(n)
	case t.kind == tokWord:
		return p.word(n)
	case t.is("["):
		p.advance()
		return &Array{node: n, Elements: p.list("]")}
	case t.is("{"):
		p.advance()
		return &Struct{node: n, Fields: p.fields()}
	}
	p.unexpected("a number, a name, a string, [...], {...} or \"...\"")
	return &Ellipsis{n}
}

// word reads a constant, a call such as htons(80), or name=value.
func (p *parser) word(n node) Expr {
	t := p.tok
	p.advance()
	if p.accept("=") {
		return &Assign{node: n, Name: t.text, Value: p.expr()}
	}
	if p.tok.is("(") {
		return p.call(n, t)
	}
	c, ok := Constant(t.text)
	if !ok {
		p.fail(t.off, "no constant %s%s", quote(t.text), suggest(t.text, constants()))
	}
	return &Word{node: n, Name: t.text, Value: c.Value, Known: c.Linux}
}

// calls are the functions that expressions may call, and whether their argument is a
// string.
var calls = map[string]bool{"htons": false, "htonl": false, "inet_addr": true, "inet6_addr": true}

func (p *parser) call(n node, name token) Expr {
	wantString, ok := calls[name.text]
	if !ok {
		p.fail(name.off, "no function %s in an expression; there are %s", quote(name.text), strings.Join(keys(calls), ", "))
		return &Ellipsis{n}
	}
	p.advance()
	from := p.tok.off
	c := &Call{node: n, Name: name.text, Args: p.list(")")}
	if len(c.Args) != 1 {
		p.fail(from, "%s has one argument", name.text)
		return c
	}
	switch arg := c.Args[0].(type) {
	case *String:
		if wantString && address(arg.Value).Is4() == (name.text == "inet_addr") && address(arg.Value).IsValid() {
			return c
		}
		// In a struct sockaddr of AF_INET6 sin_addr=inet_addr("2001:db8::1") is usual.
		if wantString && address(arg.Value).IsValid() && name.text == "inet_addr" {
			return c
		}
	case *Int, *Word:
		if !wantString {
			return c
		}
	}
	want := "a number"
	if wantString {
		want = "an IP address in quotes"
	}
	p.fail(from, "%s wants %s", name.text, want)
	return c
}

// fields reads a struct up to its brace.
func (p *parser) fields() []Field {
	var all []Field
	if p.accept("}") {
		return nil
	}
	for {
		if len(all) == maxElements {
			p.fail(p.tok.off, "more than %d fields", maxElements)
			return nil
		}
		all = append(all, p.field())
		if p.accept("}") {
			return all
		}
		if !p.tok.is(",") {
			p.unexpected("\",\" or \"}\"")
			return all
		}
		p.advance()
	}
}

func (p *parser) field() Field {
	f := Field{Pos: p.pos(p.tok.off)}
	if p.tok.kind == tokWord && !p.tok.defined {
		f.Name = p.tok.text
		_, function := calls[f.Name]
		after := p.after(p.tok.end)
		named := strings.HasPrefix(after, "=") || strings.HasPrefix(after, "(") && !function
		switch {
		case named && !slices.Contains(fieldNames, f.Name):
			p.fail(p.tok.off, "no field %s in a struct%s", quote(f.Name), suggest(f.Name, fieldNames))
		case strings.HasPrefix(after, "="):
			p.advance()
			p.advance()
			f.Value = p.expr()
			return f
		case named:
			p.advance()
			p.advance()
			f.Len = p.expr()
			p.expect(")")
			p.expect("=")
			f.Value = p.expr()
			return f
		}
		f.Name = ""
	}
	f.Value = p.expr()
	return f
}

// after is the text from an offset on without the white space that it begins with.
func (p *parser) after(off int) string { return strings.TrimLeft(p.text[off:], " \t\r\n") }

// str reads a string, or adjacent ones as one.
func (p *parser) str(n node) Expr {
	s := &String{node: n}
	var b strings.Builder
	for p.tok.kind == tokString {
		if b.Len()+len(p.tok.text) > maxText {
			p.fail(p.tok.off, "a string of more than %d bytes", maxText)
			return s
		}
		p.unescape(&b, p.tok)
		if p.err == nil {
			p.advance()
		}
	}
	s.Value = b.String()
	if p.tok.kind == tokEllipsis {
		s.More = true
		p.advance()
	}
	return s
}

// escapes are what a letter after a backslash stands for.
var escapes = map[byte]byte{
	'\\': '\\', '"': '"', '\'': '\'', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '0': 0,
}

func (p *parser) unescape(b *strings.Builder, t token) {
	for i := 0; i < len(t.text); i++ {
		c := t.text[i]
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		i++
		if i == len(t.text) { // of a definition; the lexer ends no string so
			p.fail(t.off, "the string ends in a backslash")
			return
		}
		if hex := t.text[i:]; hex[0] == 'x' && len(hex) > 2 && hexDigit(hex[1]) && hexDigit(hex[2]) {
			b.WriteByte(nibble(hex[1])<<4 | nibble(hex[2]))
			i += 2
			continue
		}
		e, ok := escapes[t.text[i]]
		if !ok {
			p.fail(t.off+i, "no escape sequence %s; a byte is \\x and two hexadecimal digits", quote(t.text[i-1:i+1]))
			return
		}
		b.WriteByte(e)
	}
}

func nibble(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
