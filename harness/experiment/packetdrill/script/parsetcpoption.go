package script

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
)

// tcpOptions reads "<mss 1460,nop,wscale 7>" or "<...>".
func (p *parser) tcpOptions(s *TCP, d Direction) {
	from := p.tok.off
	p.advance()
	if p.tok.kind == tokEllipsis {
		if d == Inbound {
			p.fail(p.tok.off, "<...> is for outbound packets only")
			return
		}
		s.AnyOptions = true
		p.advance()
		p.expect(">")
		return
	}
	length := 0
	for {
		o := p.tcpOption()
		s.Options = append(s.Options, o)
		length += o.length()
		if length > maxTCPOptions {
			p.fail(o.off(p), "the TCP options up to here have %d bytes, and a header has room for %d", length, maxTCPOptions)
		}
		if p.err != nil || p.accept(">") {
			break
		}
		if !p.tok.is(",") {
			p.unexpected("\",\" or \">\" after a TCP option")
			return
		}
		p.advance()
	}
	if p.err == nil && length%4 != 0 {
		p.fail(from, "the TCP options have %d bytes, which is no multiple of 4; add nop or eol", length)
	}
}

func (o *TCPOption) off(p *parser) int { return p.lines[o.Pos.Line-1] + o.Pos.Column - 1 }

// length is the option's, in bytes on the wire.
func (o *TCPOption) length() int {
	switch o.Kind {
	case EOL, NOP:
		return 1
	case MSS:
		return 4
	case WScale:
		return 3
	case SACKOK:
		return 2
	case SACK:
		return 2 + 8*len(o.Blocks)
	case TS:
		return 10
	case MD5:
		return 18
	case Exp:
		return 4 + len(o.Data) + 3*len(o.Counters)
	}
	return 2 + len(o.Data) + 3*len(o.Counters)
}

// optionNames are those that stand for an option by themselves or begin one.
var optionNames = []string{
	"mss", "nop", "eol", "wscale", "sackOK", "sack", "TS", "md5", "FO", "FOEXP", "exp-FO", "ECN",
	"AccECN0", "AccECN1", "exp-AccECN0", "exp-AccECN1", "exp-tarr", "exp-HEX", "gen-NUMBER",
}

func (p *parser) tcpOption() TCPOption {
	from := p.tok.off
	o := TCPOption{Pos: p.pos(from)}
	if p.tok.kind != tokWord {
		p.unexpected("a TCP option")
		return o
	}
	name := p.tok.text
	if n := from + len(name); n < len(p.text) && p.text[n] == '-' && (strings.EqualFold(name, "exp") || name == "gen") {
		name = p.text[from : n+1+span(p.text[n+1:], wordChar)]
		p.resume(from + len(name))
		p.dashed(&o, from, name)
		return o
	}
	p.advance()
	switch name {
	case "nop":
		o.Kind = NOP
	case "eol":
		o.Kind = EOL
	case "mss":
		o.Kind, o.MSS = MSS, uint16(p.integer("mss", math.MaxUint16))
	case "wscale":
		o.Kind, o.Shift = WScale, uint8(p.integer("wscale", math.MaxUint8))
	case "sackOK":
		o.Kind = SACKOK
	case "sack":
		o.Kind, o.Blocks = SACK, p.sackBlocks()
	case "TS":
		p.timestamps(&o)
	case "md5":
		o.Kind = MD5
		if o.Valid = p.acceptWord("valid"); !o.Valid {
			o.Data = p.hex("the digest of md5", 16, true)
		}
	case "FO":
		o.Kind, o.Data = FastOpen, p.hex("the cookie", maxTCPOptions-2, false)
	case "FOEXP":
		o.Kind, o.ExID, o.Data = Exp, ExIDFastOpen, p.hex("the cookie", maxTCPOptions-2, false)
	case "ECN":
		p.accECN(&o)
	case "AccECN0":
		o.Kind, o.Counters = AccECN0, p.counters("ee0b", "eceb", "ee1b")
	case "AccECN1":
		o.Kind, o.Counters = AccECN1, p.counters("ee1b", "eceb", "ee0b")
	default:
		p.fail(from, "no TCP option %s%s", quote(name), suggest(name, optionNames))
	}
	return o
}

// dashed reads what follows the name of an option with a dash: "exp-" and "gen-".
func (p *parser) dashed(o *TCPOption, from int, name string) {
	prefix, rest, _ := strings.Cut(name, "-")
	if prefix == "gen" {
		kind, err := strconv.ParseUint(rest, 10, 8)
		if err != nil || kind < 2 {
			p.fail(from, "%s is no option: after \"gen-\" stands its kind, from 2 to 255", quote(name))
			return
		}
		o.Kind, o.Data = Kind(kind), p.hex("the data of the option", maxTCPOptions-2, false)
		return
	}
	o.Kind = Exp
	switch rest {
	case "FO":
		o.ExID, o.Data = ExIDFastOpen, p.hex("the cookie", maxTCPOptions-2, false)
	case "AccECN0":
		o.ExID, o.Counters = ExIDAccECN0, p.counters("ee0b", "eceb", "ee1b")
	case "AccECN1":
		o.ExID, o.Counters = ExIDAccECN1, p.counters("ee1b", "eceb", "ee0b")
	case "tarr":
		o.ExID = ExIDTARR
		if p.tok.kind == tokInt {
			o.Data = []byte{byte(p.integer("the rate of exp-tarr", 127)) << 1}
		}
	default:
		id, err := strconv.ParseUint(rest, 16, 16)
		if err != nil {
			p.fail(from, "no TCP option %s%s; after \"exp-\" stands an experiment's identifier in hexadecimal", quote(name), suggest(name, optionNames))
			return
		}
		o.ExID, o.Data = uint16(id), p.hex("the data of the option", maxTCPOptions-4, false)
	}
}

// hex reads hexadecimal digits, if need be by character, as those of a cookie may look
// like a number.
func (p *parser) hex(what string, most int, needed bool) []byte {
	t := p.tok
	if t.kind != tokWord && t.kind != tokInt && !(t.kind == tokBad && hexDigit(p.text[t.off])) {
		if needed {
			p.unexpected(what + " in hexadecimal digits")
		}
		return nil
	}
	text := t.text
	if !t.defined {
		text = p.text[t.off : t.off+span(p.text[t.off:], wordChar)]
	}
	data, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	switch {
	case err != nil && len(text)%2 != 0 && span(text, hexDigit) == len(text):
		p.fail(t.off, "%s has %d hexadecimal digits, an odd number", what, len(text))
	case err != nil:
		p.fail(t.off, "%s is %s, and must be hexadecimal digits", what, quote(text))
	case len(data) > most:
		p.fail(t.off, "%s has %d bytes; at most %d are possible", what, len(data), most)
	default:
		p.resume(t.end)
	}
	return data
}

// sackBlocks reads "1:1001 2001:3001".
func (p *parser) sackBlocks() []SACKBlock {
	var all []SACKBlock
	for {
		b := SACKBlock{Left: p.number("the left edge of a SACK block", math.MaxUint32)}
		p.expect(":")
		b.Right = p.number("the right edge of a SACK block", math.MaxUint32)
		all = append(all, b)
		if p.err != nil || p.tok.kind != tokInt && p.tok.kind != tokWord || len(all) > maxTCPOptions/8 {
			return all
		}
	}
}

// timestamps reads "val 100 ecr 200".
func (p *parser) timestamps(o *TCPOption) {
	o.Kind = TS
	if !p.acceptWord("val") {
		p.unexpected("\"val\"")
		return
	}
	if o.AnyVal = p.tok.kind == tokEllipsis; o.AnyVal {
		p.advance()
	} else {
		o.TSVal = p.literal("the timestamp val", math.MaxUint32)
	}
	if !p.acceptWord("ecr") {
		p.unexpected("\"ecr\"")
		return
	}
	o.TSEcr = p.literal("the timestamp ecr", math.MaxUint32)
	o.AbsoluteEcr = p.accept("!")
}

// accECN reads google's "ECN e0b 1 ceb 0 e1b 1" or "ECN e1b 1 ceb 0 e0b 1".
func (p *parser) accECN(o *TCPOption) {
	names := []string{"e0b", "ceb", "e1b"}
	o.Kind = AccECN0
	if p.tok.isWord("e1b") {
		names = []string{"e1b", "ceb", "e0b"}
		o.Kind = AccECN1
	}
	o.Counters = p.counters(names...)
	if len(o.Counters) == 0 {
		p.unexpected("\"e0b\" or \"e1b\"")
	}
}

// counters reads counters of 24 bits by name; the later ones may be missing.
func (p *parser) counters(names ...string) []uint32 {
	var all []uint32
	for _, name := range names {
		if !p.acceptWord(name) {
			break
		}
		all = append(all, uint32(p.integer(name, 1<<24-1)))
	}
	return all
}
