package script

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"
)

// optionKind is what an option has for a value.
type optionKind int

const (
	noValue optionKind = iota
	textValue
	numberValue // a whole number that is not negative
	decimalValue
	addressValue // with or without a prefix length
	versionValue
	defineValue
)

// knownOptions are those of google's and FreeBSD's packetdrill. Many mean something only
// to them; a runner says which it heeds.
var knownOptions = map[string]optionKind{
	"ip_version": versionValue, "define": defineValue,
	"remote_ip": addressValue, "local_ip": addressValue, "gateway_ip": addressValue, "netmask_ip": addressValue,
	"local_linklocal_ip": addressValue, "gateway_linklocal_ip": addressValue,
	"bind_port": numberValue, "connect_port": numberValue, "mtu": numberValue, "mss": numberValue, "speed": numberValue,
	"tolerance_usecs": numberValue, "tolerance_percent": decimalValue, "tcp_ts_tick_usecs": numberValue,
	"psp_udp_port": numberValue, "wire_server_port": numberValue,
	"code_command": textValue, "code_format": textValue, "code_sockopt": textValue, "init_scripts": textValue,
	"non_fatal": textValue, "so_filename": textValue, "so_flags": textValue, "tcp_md5_secret": textValue,
	"tun_dev": textValue, "udp_encapsulation": textValue, "wire_client_dev": textValue, "wire_server_dev": textValue,
	"wire_server_ip": textValue, "wire_server_at": textValue,
	"tcp_ts_ecr_scaled": noValue, "strict_segments": noValue, "dry_run": noValue, "is_anyip": noValue,
	"send_omit_free": noValue, "debug": noValue, "verbose": noValue, "wire_client": noValue, "wire_server": noValue,
	"no_cleanup": noValue, "persistent_tun_dev": noValue,
}

// options reads the lines --name=value that a script begins with.
func (p *parser) options(s *Script) {
	for p.tok.kind == tokOption {
		if len(s.Options) == maxOptions {
			p.fail(p.tok.off, "more than %d options", maxOptions)
			return
		}
		t := p.tok
		o := Option{Pos: p.pos(t.off), Name: t.text}
		kind, ok := knownOptions[o.Name]
		if !ok {
			p.fail(t.off, "no option --%s%s", clip(o.Name), suggest(o.Name, keys(knownOptions)))
			return
		}
		p.advance()
		if p.tok.is("=") {
			o.Value, o.HasValue = p.optionValue(), true
		}
		if o.HasValue != (kind != noValue) {
			want := "wants a value: --" + o.Name + "=VALUE"
			if kind == noValue {
				want = "has no value"
			}
			p.fail(t.off, "--%s %s", o.Name, want)
			return
		}
		if kind != defineValue {
			o.Value = unquote(o.Value)
		}
		if want := kind.wants(o.Value); want != "" {
			p.fail(t.off, "--%s is %s, and must be %s", o.Name, quote(o.Value), want)
		}
		s.Options = append(s.Options, o)
	}
}

// optionValue reads from behind the '=' to white space or a comment, neither of which
// ends a part in quotes.
func (p *parser) optionValue() string {
	from := p.tok.end
	from += len(p.text[from:]) - len(strings.TrimLeft(p.text[from:], " \t"))
	quoted := byte(0)
	to := from
scan:
	for ; to < len(p.text); to++ {
		c := p.text[to]
		switch {
		case quoted != 0:
			if c == quoted {
				quoted = 0
			}
		case c == '"' || c == '`':
			quoted = c
		case strings.IndexByte(" \t\r\n", c) >= 0 || p.has(to, "//") || p.has(to, "/*"):
			break scan
		}
	}
	if to-from > maxText || quoted != 0 {
		p.fail(from, "the value of the option is too long, or in a quote that does not end")
		return ""
	}
	p.resume(to)
	return p.text[from:to]
}

// has reports whether the text has the prefix at an offset.
func (l *lexer) has(off int, prefix string) bool { return strings.HasPrefix(l.text[off:], prefix) }

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '`') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// wants says what a value should be that is none of the kind, else nothing.
func (k optionKind) wants(value string) string {
	var err error
	switch k {
	case numberValue:
		if _, err = strconv.ParseUint(value, 10, 31); err != nil {
			return "a whole number"
		}
	case decimalValue:
		if f, err := strconv.ParseFloat(value, 64); err != nil || !(f >= 0 && f < 1e9) {
			return "a number"
		}
	case addressValue:
		addr, bits, prefix := strings.Cut(value, "/")
		_, bad := strconv.ParseUint(bits, 10, 7)
		if !address(addr).IsValid() || prefix && bad != nil {
			return "an IP address"
		}
	case versionValue:
		if _, ok := versions[value]; !ok {
			return "ipv4, ipv6 or ipv4-mapped-ipv6"
		}
	case defineValue:
		if name, _, ok := strings.Cut(value, "="); !ok || name == "" || span(name, wordChar) != len(name) {
			return "NAME=VALUE"
		}
	}
	return ""
}

// versions are the values of --ip_version, and whether packets are of IPv6 then.
var versions = map[string]bool{"ipv4": false, "ipv6": true, "ipv4-mapped-ipv6": false}

// address parses an IP address; the zero Addr stands for what is none.
func address(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}
	}
	return a
}

// settle makes the options count for what follows them: definitions and the version of IP.
func (p *parser) settle(s *Script) {
	p.version = p.config.IPVersion
	if o, ok := s.Option("ip_version"); ok && p.version == "" {
		p.version = o.Value
	}
	p.v6 = versions[p.version]
	s.IPVersion = p.version
	if s.IPVersion == "" {
		s.IPVersion = "ipv4"
	}
	if !p.strict {
		maps.Copy(p.defines, usual(p.v6, p.version))
	}
	maps.Copy(p.defines, p.config.Defines)
	for _, o := range s.Options {
		if name, value, ok := strings.Cut(o.Value, "="); ok && o.Name == "define" {
			p.defines[name] = value
		}
	}
	// The token at hand may be a word that is defined now, or behind an #ifdef.
	p.ifdef = p.endIfdef
	p.resume(p.end)
}

// usual are the definitions that the runners of google's scripts give on the command
// line, for scripts that rely on them: the cookie is the one that Linux makes with the
// Fast Open key and the addresses that those scripts are run with.
func usual(v6 bool, version string) map[string]string {
	d := map[string]string{
		"TFO_COOKIE": "3021b9d889017eeb", "CODE": "host_unreachable",
		"CMSG_LEVEL_IP": "SOL_IP", "CMSG_TYPE_RECVERR": "IP_RECVERR",
	}
	if v6 {
		d["TFO_COOKIE"], d["CODE"] = "c1d1e9742a47a9bc", "address_unreachable"
	}
	if v6 || version == "ipv4-mapped-ipv6" {
		d["CMSG_LEVEL_IP"], d["CMSG_TYPE_RECVERR"] = "SOL_IPV6", "IPV6_RECVERR"
	}
	return d
}
