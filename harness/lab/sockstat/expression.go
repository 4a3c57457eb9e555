package sockstat

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// parser reads a filter expression word by word; "" is the end.
type parser struct{ words []string }

// words splits arguments as a shell would have, had they not been quoted, and
// parentheses from what stands beside them.
func words(args []string) []string {
	s := strings.Join(args, " ")
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s))
}

func (p *parser) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *parser) next() string {
	word := p.peek()
	if word != "" {
		p.words = p.words[1:]
	}
	return word
}

// accept takes the next word if it is one of these.
func (p *parser) accept(words ...string) bool {
	for _, w := range words {
		if p.peek() == w {
			p.next()
			return true
		}
	}
	return false
}

// expression is terms with "or" between them.
func (p *parser) expression() (func(*Socket) bool, error) {
	left, err := p.term()
	for err == nil && p.accept("or", "|", "||") {
		var right func(*Socket) bool
		a := left
		right, err = p.term()
		left = func(s *Socket) bool { return a(s) || right(s) }
	}
	return left, err
}

// term is factors with "and", or nothing, between them.
func (p *parser) term() (func(*Socket) bool, error) {
	left, err := p.factor()
	for err == nil && (p.accept("and", "&", "&&") || p.begins()) {
		var right func(*Socket) bool
		a := left
		right, err = p.factor()
		left = func(s *Socket) bool { return a(s) && right(s) }
	}
	return left, err
}

// begins reports whether a factor stands next.
func (p *parser) begins() bool {
	switch p.peek() {
	case "(", "not", "!", "src", "dst", "sport", "dport":
		return true
	}
	return false
}

func (p *parser) factor() (func(*Socket) bool, error) {
	switch word := p.next(); word {
	case "not", "!":
		f, err := p.factor()
		return func(s *Socket) bool { return !f(s) }, err
	case "(":
		f, err := p.expression()
		if err == nil && !p.accept(")") {
			return nil, fmt.Errorf("a \"(\" is not closed; %q stands where \")\" should", p.peek())
		}
		return f, err
	case "src", "dst":
		return p.address(word)
	case "sport", "dport":
		return p.port(word)
	case "":
		return nil, fmt.Errorf("the filter ends too early; give src, dst, sport or dport")
	default:
		return nil, fmt.Errorf("%q is no filter; give state, exclude, src, dst, sport or dport", word)
	}
}

// end is the socket's end that a word such as "dport" speaks of.
func end(word string) func(*Socket) netip.AddrPort {
	if word[0] == 's' {
		return func(s *Socket) netip.AddrPort { return s.Local }
	}
	return func(s *Socket) netip.AddrPort { return s.Remote }
}

// operators are ss's spellings of a comparison, of a port with the one given.
var operators = map[string]func(a, b uint16) bool{
	"=": equal, "==": equal, "eq": equal,
	"!=": unequal, "neq": unequal, "ne": unequal,
	">": func(a, b uint16) bool { return a > b }, "gt": func(a, b uint16) bool { return a > b },
	"<": func(a, b uint16) bool { return a < b }, "lt": func(a, b uint16) bool { return a < b },
	">=": func(a, b uint16) bool { return a >= b }, "geq": func(a, b uint16) bool { return a >= b },
	"<=": func(a, b uint16) bool { return a <= b }, "leq": func(a, b uint16) bool { return a <= b },
}

func equal(a, b uint16) bool   { return a == b }
func unequal(a, b uint16) bool { return a != b }

// port reads "= :80" and its like; "=" and ":" may be left out.
func (p *parser) port(word string) (func(*Socket) bool, error) {
	op := equal
	if o, ok := operators[p.peek()]; ok {
		op = o
		p.next()
	}
	port, err := parsePort(strings.TrimPrefix(p.next(), ":"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w, as in: %s = :80", word, err, word)
	}
	where := end(word)
	return func(s *Socket) bool {
		a := where(s)
		return a.IsValid() && op(a.Port(), port)
	}, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is no port; give a number from 0 to 65535", s)
	}
	return uint16(n), nil
}

// address reads ADDR, ADDR:PORT, PREFIX or :PORT, with or without "=" before it.
func (p *parser) address(word string) (func(*Socket) bool, error) {
	same := true
	if o, ok := operators[p.peek()]; ok {
		same = o(0, 0)
		if o(0, 1) == same {
			return nil, fmt.Errorf("%s %s: addresses are equal or not; give = or !=", word, p.peek())
		}
		p.next()
	}
	text := p.next()
	prefix, port, err := parseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w; give ADDR, ADDR:PORT, ADDR/BITS or :PORT", word, text, err)
	}
	where := end(word)
	return func(s *Socket) bool {
		a := where(s)
		ok := a.IsValid() && (!prefix.IsValid() || prefix.Contains(a.Addr())) && (port < 0 || int(a.Port()) == port)
		return ok == same
	}, nil
}

// parseAddress reads the address of a filter. No prefix is any address, and -1
// any port.
func parseAddress(s string) (prefix netip.Prefix, port int, err error) {
	host, port, err := splitPort(s)
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	host = strings.NewReplacer("[", "", "]", "").Replace(host)
	switch {
	case host == "*" || host == "" && port >= 0:
		return netip.Prefix{}, port, nil
	case strings.Contains(host, "/"):
		prefix, err = netip.ParsePrefix(host)
		return prefix, port, err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	addr = addr.Unmap().WithZone("")
	return netip.PrefixFrom(addr, addr.BitLen()), port, nil
}

// splitPort cuts ":PORT" off; the port is -1 if there is none, or "*". An IPv6
// address without brackets has none.
func splitPort(s string) (host string, port int, err error) {
	i := strings.LastIndexByte(s, ':')
	bare := strings.Count(s, ":") > 1 && s[0] != '['
	if bare || i <= strings.LastIndexByte(s, ']') {
		return s, -1, nil
	}
	if s[i+1:] == "*" {
		return s[:i], -1, nil
	}
	n, err := parsePort(s[i+1:])
	return s[:i], int(n), err
}
