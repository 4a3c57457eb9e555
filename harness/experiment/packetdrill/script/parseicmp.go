package script

import (
	"maps"
	"math"
	"strconv"
	"strings"
)

// icmpType is a type by name, with the names of its codes.
type icmpType struct {
	number uint8
	codes  map[string]uint8
}

// Types and codes as IANA numbers them, by the names of packetdrill, which are
// tcpdump's for the most part.
var (
	icmpTypes = map[string]icmpType{
		"echo_reply": {number: 0},
		"unreachable": {number: 3, codes: map[string]uint8{
			"net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2, "port_unreachable": 3,
			"frag_needed": 4, "source_route_failed": 5, "net_unknown": 6, "host_unknown": 7,
			"source_host_isolated": 8, "net_prohibited": 9, "host_prohibited": 10, "net_unreachable_for_tos": 11,
			"host_unreachable_for_tos": 12, "packet_filtered": 13, "precedence_violation": 14, "precedence_cutoff": 15,
		}},
		"source_quench": {number: 4}, "redirect": {number: 5}, "echo_request": {number: 8},
		"time_exceeded": {number: 11, codes: map[string]uint8{
			"ttl_exceeded_in_transit": 0, "frag_reass_exceeded": 1,
		}},
		"parameter_problem": {number: 12}, "timestamp_request": {number: 13}, "timestamp_reply": {number: 14},
		"information_request": {number: 15}, "information_reply": {number: 16},
		"address_mask_request": {number: 17}, "address_mask_reply": {number: 18},
	}
	icmpv6Types = map[string]icmpType{
		"unreachable": {number: 1, codes: map[string]uint8{
			"net_unreachable": 0, "no_route": 0, "admin_prohibited": 1, "not_neighbour": 2,
			"address_unreachable": 3, "port_unreachable": 4,
		}},
		"packet_too_big": {number: 2},
		"time_exceeded": {number: 3, codes: map[string]uint8{
			"exceeded_hop_limit": 0, "exceeded_frag_time": 1,
		}},
		"parameter_problem": {number: 4, codes: map[string]uint8{
			"header_field": 0, "unknown_next_header": 1, "unknown_option": 2,
		}},
		"echo_request": {number: 128}, "echo_reply": {number: 129}, "router_advertisement": {number: 134},
	}
)

// icmp reads what follows the word icmp.
func (p *parser) icmp() *ICMP {
	m := &ICMP{}
	types, protocol := icmpTypes, "ICMP"
	if p.v6 {
		types, protocol = icmpv6Types, "ICMPv6"
	}
	t := p.tok
	if t.kind != tokWord {
		p.unexpected("a type of " + protocol)
		return m
	}
	m.Type = t.text
	p.advance()
	typ, ok := types[m.Type]
	if !ok {
		typ.number, ok = numbered(m.Type, "type_")
	}
	if !ok {
		_, other := icmpv6Types[m.Type]
		p.wantsV6 = p.version == "" && other && !p.strict
		p.fail(t.off, "no type %s of %s%s", quote(m.Type), protocol, suggest(m.Type, keys(types)))
		return m
	}
	m.TypeNumber = typ.number
	if c := p.tok; c.kind == tokWord && c.text != "mtu" && c.text != "id" {
		m.Code = c.text
		m.CodeNumber, ok = numbered(m.Code, "code_")
		if !ok {
			m.CodeNumber, ok = typ.codes[m.Code]
		}
		if !ok {
			p.fail(c.off, "no code %s of the type %s of %s%s", quote(m.Code), clip(m.Type), protocol, suggest(m.Code, keys(typ.codes)))
			return m
		}
		p.advance()
	}
	p.icmpRest(m)
	return m
}

// numbered reads "type_3" and "code_4".
func numbered(name, prefix string) (uint8, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	n, err := strconv.ParseUint(digits, 10, 8)
	return uint8(n), ok && err == nil
}

func (p *parser) icmpRest(m *ICMP) {
	if at := p.tok.off; p.acceptWord("mtu") {
		most, ok := int64(math.MaxUint16), m.TypeNumber == 3 && m.CodeNumber == 4
		if p.v6 {
			most, ok = math.MaxUint32, (m.TypeNumber == 2 || m.TypeNumber == 134) && m.CodeNumber == 0
		}
		if !ok {
			p.fail(at, "mtu is for \"unreachable frag_needed\" of IPv4 and \"packet_too_big\" and \"router_advertisement\" of IPv6")
		}
		m.MTU = ptr(uint32(p.integer("mtu", most)))
	}
	if p.acceptWord("id") {
		m.ID = ptr(uint16(p.integer("id", math.MaxUint16)))
	}
	if p.accept("[") {
		m.Echoed = p.echoed()
		p.expect("]")
	}
}

// echoed reads the packet that a message is about, within its brackets.
func (p *parser) echoed() *Echoed {
	e := &Echoed{Protocol: "tcp"}
	if p.tok.isWord("udp") || p.tok.isWord("raw") {
		e.Protocol = p.tok.text
		p.advance()
		e.Length = p.length()
		return e
	}
	e.Seq = p.seq()
	e.Encap = p.encap()
	return e
}

// keys are a map's, sorted.
func keys[V any](m map[string]V) []string { return sorted(maps.Keys(m)) }
