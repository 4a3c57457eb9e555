package script

import "math"

// packet reads what follows the time of a packet.
func (p *parser) packet() *Packet {
	k := &Packet{Pos: p.pos(p.tok.off)}
	if p.tok.is(">") {
		k.Direction = Outbound
	}
	p.advance()
	for p.err == nil && p.tok.kind == tokWord && outerKinds[p.tok.text] {
		if len(k.Outer) == maxOuter {
			p.fail(p.tok.off, "more than %d headers around a packet", maxOuter)
			return k
		}
		k.Outer = append(k.Outer, p.outer())
	}
	k.IP = p.ip(k.Direction)
	switch t := p.tok; {
	case t.isWord("icmp"):
		p.advance()
		k.ICMP = p.icmp()
		return k
	case t.isWord("udp"):
		p.advance()
		k.Ports = p.ports()
		k.UDP = &UDP{Length: p.length()}
		return k
	case t.isWord("sctp") || t.isWord("udplite"):
		p.fail(t.off, "%s packets are not supported; tcp, udp and icmp are", t.text)
		return k
	case t.isWord("encap"):
		k.PSP = p.psp()
	}
	k.Ports = p.ports()
	k.TCP = p.segment(k.Direction)
	k.Encap = p.encap()
	return k
}

var outerKinds = map[string]bool{"ipv4": true, "ipv6": true, "gre": true, "GREv0": true, "mpls": true}

// outer reads a header around a packet, with the colon that ends it.
func (p *parser) outer() Outer {
	o := Outer{Pos: p.pos(p.tok.off), Kind: p.tok.text}
	p.advance()
	switch o.Kind {
	case "ipv4", "ipv6":
		o.IP = p.ip(Outbound)
		o.Src = p.address(o.Kind)
		p.expect(">")
		o.Dst = p.address(o.Kind)
	case "GREv0":
		o.Kind = "gre"
	case "mpls":
		p.fail(p.tok.off, "mpls headers are not supported; ipv4, ipv6 and gre are")
	}
	if o.Kind == "gre" && !p.tok.is(":") {
		p.fail(p.tok.off, "the fields of a gre header are not supported; \"gre:\" alone is")
	}
	p.expect(":")
	return o
}

// psp reads "encap psp spi 7" (the header of PSP, a UDP datagram around the segment).
func (p *parser) psp() *uint32 {
	for _, word := range []string{"encap", "psp", "spi"} {
		if !p.acceptWord(word) {
			p.unexpected(quote(word))
			return nil
		}
	}
	return ptr(uint32(p.integer("the security parameters index", math.MaxUint32)))
}

func ptr[T any](v T) *T { return &v }

// encap reads "/udp(9899 > 9899)".
func (p *parser) encap() *Ports {
	if !p.accept("/") {
		return nil
	}
	if !p.acceptWord("udp") {
		p.unexpected("\"udp\"")
		return nil
	}
	p.expect("(")
	ports := p.ports()
	if ports == nil {
		p.unexpected("the source port")
	}
	p.expect(")")
	return ports
}

// ports reads "8080 > 80" if it is there.
func (p *parser) ports() *Ports {
	if p.tok.kind != tokInt {
		return nil
	}
	src := p.integer("the source port", math.MaxUint16)
	p.expect(">")
	return &Ports{Src: uint16(src), Dst: uint16(p.integer("the destination port", math.MaxUint16))}
}

// length reads "(1000)", a number of bytes of payload.
func (p *parser) length() uint16 {
	p.expect("(")
	n := p.integer("the length of the payload", math.MaxUint16)
	p.expect(")")
	return uint16(n)
}

// ecns are the names of the ECN codepoints.
var ecns = map[string]ECN{"noecn": NoECN, "ect0": ECT0, "ect1": ECT1, "ce": CE, "ect01": ECT01}

// dscps are names of differentiated services codepoints (RFC 2474, 2597, 3246, 5865, 8622).
var dscps = map[string]uint8{
	"cs0": 0, "cs1": 8, "cs2": 16, "cs3": 24, "cs4": 32, "cs5": 40, "cs6": 48, "cs7": 56,
	"af11": 10, "af12": 12, "af13": 14, "af21": 18, "af22": 20, "af23": 22,
	"af31": 26, "af32": 28, "af33": 30, "af41": 34, "af42": 36, "af43": 38,
	"ef": 46, "voice-admit": 44, "le": 1,
}

// ip reads "[ect0, flowlabel 0x7]" if it is there, in square or round brackets.
func (p *parser) ip(d Direction) IP {
	var h IP
	end := ""
	switch {
	case p.tok.is("["):
		end = "]"
	case p.tok.is("("):
		end = ")"
	default:
		return h
	}
	p.advance()
	for {
		p.ipField(&h, d)
		if p.err != nil || p.accept(end) {
			return h
		}
		p.expect(",")
	}
}

func (p *parser) ipField(h *IP, d Direction) {
	t := p.tok
	if t.kind != tokWord {
		p.unexpected("a field of the IP header such as ect0, tos, ttl or flowlabel")
		return
	}
	p.advance()
	name := t.text
	if name == "ecn" || name == "ECN" {
		t, name = p.tok, p.tok.text
		if _, ok := ecns[name]; !ok || t.kind != tokWord {
			p.unexpected("noecn, ect0, ect1, ce or ect01")
			return
		}
		p.advance()
	}
	ecn, isECN := ecns[name]
	switch {
	case isECN:
		if ecn == ECT01 && d == Inbound {
			p.fail(t.off, "ect01 is for outbound packets only")
		}
		h.ECN = ecn
	case name == "tos" || name == "class":
		h.TOS = ptr(uint8(p.integer(name, math.MaxUint8)))
	case name == "ttl" || name == "hlim":
		h.TTL = ptr(uint8(p.integer(name, math.MaxUint8)))
	case name == "flowlabel":
		h.FlowLabel = ptr(uint32(p.integer(name, 1<<20-1)))
	case name == "dscp":
		h.DSCP = ptr(p.dscp())
	default:
		p.fail(t.off, "no field %s of the IP header%s", quote(name), suggest(name, append(keys(ecns), "tos", "class", "ttl", "hlim", "flowlabel", "dscp")))
	}
}

func (p *parser) dscp() uint8 {
	if p.tok.kind != tokWord {
		return uint8(p.integer("dscp", 63))
	}
	from := p.tok.off
	n := span(p.text[from:], func(c byte) bool { return wordChar(c) || c == '-' })
	v, ok := dscps[p.text[from:from+n]]
	if !ok {
		p.fail(from, "no codepoint %s%s", quote(p.text[from:from+n]), suggest(p.text[from:from+n], keys(dscps)))
		return 0
	}
	p.resume(from + n)
	return v
}
