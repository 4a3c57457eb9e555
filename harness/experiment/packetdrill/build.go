package packetdrill

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/script"
)

// hops is the TTL of a packet whose script gives none.
const hops = 255

// inbound makes the packet that a script injects.
func (r *run) inbound(p *script.Packet, c *conn) ([]byte, *packet.TCP, error) {
	switch {
	case len(p.Outer) > 0:
		return nil, nil, unsupported(p.Pos, "packets in tunnels cannot be injected")
	case p.UDP != nil, p.Encap != nil:
		return nil, nil, unsupported(p.Pos, "UDP cannot be injected")
	case p.PSP != nil:
		return nil, nil, unsupported(p.Pos, "PSP cannot be injected")
	}
	h := packet.IP{Src: c.remote.Addr(), Dst: c.local.Addr(), TOS: tos(&p.IP), TTL: hops}
	if p.IP.TTL != nil {
		h.TTL = *p.IP.TTL
	}
	if p.IP.FlowLabel != nil {
		h.FlowLabel = *p.IP.FlowLabel
	}
	if p.ICMP != nil {
		b, err := r.icmp(p, c, h)
		return b, nil, err
	}
	t, err := r.segment(p, c, h)
	if err != nil {
		return nil, nil, err
	}
	b, err := t.Append(nil)
	if err != nil {
		return nil, nil, unsupported(p.Pos, "%v", err)
	}
	return b, t, nil
}

func (r *run) segment(p *script.Packet, c *conn, h packet.IP) (*packet.TCP, error) {
	s := p.TCP
	t := &packet.TCP{
		IP: h, SrcPort: c.remote.Port(), DstPort: c.local.Port(), Flags: flags(s.Flags),
		Payload: make([]byte, s.Seq.Length),
	}
	inSYN := t.Flags&syn != 0
	t.Seq = c.number(s.Seq.Start, c.peerOffset(inSYN || s.Seq.Absolute))
	if p.Ports != nil {
		t.SrcPort, t.DstPort = p.Ports.Src, p.Ports.Dst
	}
	if s.Ack != nil {
		t.Ack = c.number(*s.Ack, c.ownOffset(inSYN))
	}
	if s.Win != nil {
		t.Window = c.window(*s.Win)
	}
	if s.Urg != nil {
		t.Urgent = *s.Urg
	}
	var err error
	t.Options, err = c.options(s, script.Inbound)
	return t, err
}

// tos is what a script's IP header has in its second byte.
func tos(h *script.IP) uint8 {
	if h.TOS != nil {
		return *h.TOS
	}
	var v uint8
	if h.DSCP != nil {
		v = *h.DSCP << 2
	}
	return v | codepoint(h.ECN)
}

// codepoint is the two ECN bits (RFC 3168, section 5).
func codepoint(e script.ECN) uint8 {
	switch e {
	case script.ECT0, script.ECT01:
		return 2
	case script.ECT1:
		return 1
	case script.CE:
		return 3
	}
	return 0
}

// icmp is a message about a packet of the subject's, which it quotes.
func (r *run) icmp(p *script.Packet, c *conn, h packet.IP) ([]byte, error) {
	m := &packet.ICMP{IP: h, Type: p.ICMP.TypeNumber, Code: p.ICMP.CodeNumber}
	switch {
	case p.ICMP.MTU != nil:
		m.Rest = *p.ICMP.MTU
	case p.ICMP.ID != nil:
		m.Rest = uint32(*p.ICMP.ID) << 16
	}
	e := p.ICMP.Echoed
	if e == nil && isError(m) {
		e = &script.Echoed{} // the subject's first segment
	}
	if e != nil {
		if e.Protocol != "" && e.Protocol != "tcp" || e.Encap != nil {
			return nil, unsupported(p.Pos, "ICMP messages quote TCP alone")
		}
		quoted, err := quote(c, e)
		if err != nil {
			return nil, unsupported(p.Pos, "%v", err)
		}
		m.Body = quoted
	}
	b, err := m.Append(nil)
	if err != nil {
		return nil, unsupported(p.Pos, "%v", err)
	}
	return b, nil
}

// isError tells messages that quote a packet from others (RFC 1122, section 3.2.2; RFC
// 4443, section 2.1).
func isError(m *packet.ICMP) bool {
	if !m.Src.Is4() {
		return m.Type < 128
	}
	switch m.Type {
	case 3, 4, 5, 11, 12:
		return true
	}
	return false
}

// quote is the beginning of a segment of the subject's: the IP header, with the length of
// the whole, and all of the TCP header.
func quote(c *conn, e *script.Echoed) ([]byte, error) {
	offset := c.own
	if e.Seq.Absolute {
		offset = 0
	}
	t := &packet.TCP{
		IP:      packet.IP{Src: c.local.Addr(), Dst: c.remote.Addr(), TTL: 64},
		SrcPort: c.local.Port(), DstPort: c.remote.Port(),
		Seq: c.number(e.Seq.Start, offset), Flags: ack, Payload: make([]byte, e.Seq.Length),
	}
	b, err := t.Append(nil)
	if err != nil {
		return nil, err
	}
	return b[:len(b)-int(e.Seq.Length)], nil
}

// flagLetters are those of script.FlagBits, from bit 0 up.
const flagLetters = "FSRP.UEWA"

// format writes a segment as a script would have it, with the connection's numbers.
// outbound: the subject sent it.
func (c *conn) format(t *packet.TCP, outbound bool) string {
	inSYN := t.Flags&syn != 0
	offset, ackOffset := c.peerOffset(inSYN), c.ownOffset(inSYN)
	if outbound {
		offset, ackOffset = ackOffset, offset
	}
	var letters string
	for i, l := range flagLetters {
		if t.Flags&(1<<i) != 0 {
			letters += string(l)
		}
	}
	if letters == "" {
		letters = "-"
	}
	seq := t.Seq - offset
	s := fmt.Sprintf("%s %d:%d(%d)", letters, seq, seq+uint32(len(t.Payload)), len(t.Payload))
	if t.Flags&ack != 0 {
		s += fmt.Sprintf(" ack %d", t.Ack-ackOffset)
	}
	s += fmt.Sprintf(" win %d", t.Window)
	if t.Urgent != 0 {
		s += fmt.Sprintf(" urg %d", t.Urgent)
	}
	return s + formatOptions(t.Options)
}

func formatOptions(options []packet.Option) string {
	s := ""
	for i, o := range options {
		if i > 0 {
			s += ","
		}
		s += formatOption(o)
	}
	if s != "" {
		s = " <" + s + ">"
	}
	return s
}

func formatOption(o packet.Option) string {
	be, n := binary.BigEndian, len(o.Data)
	switch kind := script.Kind(o.Kind); {
	case kind == script.EOL:
		return "eol"
	case kind == script.NOP:
		return "nop"
	case kind == script.MSS && n == 2:
		return fmt.Sprintf("mss %d", be.Uint16(o.Data))
	case kind == script.WScale && n == 1:
		return fmt.Sprintf("wscale %d", o.Data[0])
	case kind == script.SACKOK && n == 0:
		return "sackOK"
	case kind == script.TS && n == 8:
		return fmt.Sprintf("TS val %d ecr %d", be.Uint32(o.Data), be.Uint32(o.Data[4:]))
	case kind == script.SACK && n%8 == 0:
		s := "sack"
		for b := o.Data; len(b) > 0; b = b[8:] {
			s += fmt.Sprintf(" %d:%d", be.Uint32(b), be.Uint32(b[4:]))
		}
		return s
	case kind == script.FastOpen:
		return fmt.Sprintf("FO %x", o.Data)
	}
	return fmt.Sprintf("0x%02x[%x]", o.Kind, o.Data)
}

// addrPort joins an address and a port.
func addrPort(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }
