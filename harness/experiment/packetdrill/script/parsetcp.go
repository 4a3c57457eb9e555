package script

import (
	"math"
	"net/netip"
	"strings"
)

// segment reads flags, sequence numbers, and what follows them.
func (p *parser) segment(d Direction) *TCP {
	s := &TCP{Flags: p.flags()}
	s.Seq = p.seq()
	if p.acceptWord("ack") {
		s.Ack = ptr(p.number("the acknowledgement", math.MaxUint32))
	}
	if p.acceptWord("win") {
		s.Win = ptr(p.number("the window", math.MaxUint16))
	} else if d == Inbound {
		p.unexpected("\"win\", which an inbound segment has,")
	}
	if p.acceptWord("urg") {
		s.Urg = ptr(uint16(p.integer("the urgent pointer", math.MaxUint16)))
	}
	if p.tok.is("<") {
		p.tcpOptions(s, d)
	}
	return s
}

// flagLetters are the flags by letter.
var flagLetters = map[byte]FlagBits{'F': FIN, 'S': SYN, 'R': RST, 'P': PSH, '.': ACK, 'U': URG, 'E': ECE, 'W': CWR, 'A': AE}

// flags reads the flags by character, as "S.5" and "F." are no single tokens. '-' stands
// for none.
func (p *parser) flags() Flags {
	var f Flags
	from := p.tok.off
	text := p.text[from : from+span(p.text[from:], func(c byte) bool { return wordChar(c) || c == '.' || c == '-' })]
	if p.tok.kind == tokEOF || p.tok.kind == tokEllipsis || text == "" || p.tok.defined {
		p.unexpected("the flags of a segment, such as \"S.\", \"F.\" or \".\"")
		return f
	}
	if len(text) > 16 || len(text) > 1 && strings.Contains(text, "-") {
		p.fail(from, "no flags %s; they are letters of FSRPUEWA, '.' for ACK, or \"-\" for none", quote(text))
		return f
	}
	for i := range len(text) {
		c := text[i]
		bit, known := flagLetters[c]
		switch {
		case c == '-':
		case c == '.' && f.Bits&ACK != 0:
			p.fail(from+i, "the flags %s have '.' twice", quote(text))
			return f
		case known:
			f.Bits |= bit
		case c >= '0' && c <= '7' && !f.HasACE:
			f.HasACE, f.ACE = true, c-'0'
		default:
			p.fail(from+i, "no flag %s in %s; they are letters of FSRPUEWA, '.' for ACK, one digit up to 7 for the ACE counter, or \"-\" for none", quote(string(rune(c))), quote(text))
			return f
		}
	}
	if f.HasACE && f.Bits&(ECE|CWR|AE) != 0 {
		p.fail(from, "the flags %s have both an ACE counter and one of E, W and A, which are its bits", quote(text))
	}
	p.resume(from + len(text))
	if p.tok.is(".") && text != "-" && f.Bits&ACK == 0 {
		f.Bits |= ACK
		p.advance()
	}
	return f
}

// seq reads "start:end(length)" or "...(length)".
func (p *parser) seq() Seq {
	var s Seq
	from := p.tok.off
	if p.tok.kind == tokEllipsis {
		p.advance()
		s.Any, s.Length = true, p.length()
		return s
	}
	s.Start = p.number("the first sequence number", math.MaxUint32)
	p.expect(":")
	s.End = p.number("the sequence number after the payload", math.MaxUint32)
	s.Length = p.length()
	if p.err != nil {
		return s
	}
	difference := int64(s.End.Value) + int64(s.End.Offset) - int64(s.Start.Value) - int64(s.Start.Offset)
	if s.Start.Name != s.End.Name {
		p.fail(from, "a sequence number by name ends in one by the same name, such as %s:%s+%d(%d)", firstOf(s.Start.Name, s.End.Name), firstOf(s.Start.Name, s.End.Name), s.Length, s.Length)
	} else if difference != int64(s.Length) {
		p.fail(from, "the sequence numbers are %d apart, and the payload has %d bytes", difference, s.Length)
	}
	if p.accept("!") {
		s.Absolute = true
	}
	return s
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// number reads a number up to most or, unless the script is read strictly, one of Names,
// to which a number may be added.
func (p *parser) number(what string, most int64) Number {
	t := p.tok
	if t.kind != tokWord || t.defined || p.strict {
		return p.literal(what, most)
	}
	n := Number{Pos: p.pos(t.off), Name: t.text}
	if _, ok := Names[n.Name]; !ok {
		p.fail(t.off, "%s where %s is expected: it is neither a number nor one of %s%s", quote(n.Name), what,
			strings.Join(keys(Names), ", "), suggest(n.Name, keys(Names)))
		return n
	}
	p.advance()
	switch {
	case p.tok.off == t.end && p.accept("+"): // one behind blanks begins the next event's time
		n.Offset = int32(p.integer("what is added to "+n.Name, math.MaxInt32))
	case p.tok.kind == tokInt && p.tok.num < 0 && p.tok.num >= math.MinInt32 && p.tok.off == t.end:
		n.Offset = int32(p.tok.num)
		p.advance()
	}
	return n
}

// literal reads a number up to most.
func (p *parser) literal(what string, most int64) Number {
	n := Number{Pos: p.pos(p.tok.off)}
	n.Value = uint32(p.integer(what, most))
	return n
}

// address reads an IP address of "ipv4" or "ipv6".
func (p *parser) address(version string) netip.Addr {
	from := p.tok.off
	if p.err != nil {
		return netip.Addr{}
	}
	n := span(p.text[from:], func(c byte) bool { return hexDigit(c) || c == '.' || c == ':' })
	text := p.text[from : from+n]
	a := address(text)
	if !a.IsValid() { // the last colon may end the header
		text = strings.TrimSuffix(text, ":")
		a = address(text)
	}
	if !a.IsValid() || a.Is4() != (version == "ipv4") {
		p.fail(from, "%s where an address of %s is expected", quote(text), version)
		return a
	}
	p.resume(from + len(text))
	return a
}
