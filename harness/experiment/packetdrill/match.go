package packetdrill

import (
	"bytes"
	"fmt"
	"time"

	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/script"
)

// difference is the first way in which a packet is not what a script says.
type difference struct {
	Field, Want, Got string
}

func (d *difference) String() string {
	return fmt.Sprintf("%s: expected %s, got %s", d.Field, d.Want, d.Got)
}

func differs(field string, want, got any) *difference {
	return &difference{field, fmt.Sprint(want), fmt.Sprint(got)}
}

// match compares a segment of the subject's with a script's, nil if they agree.
func (r *run) match(p *script.Packet, c *conn, t *packet.TCP) (*difference, error) {
	s := r.part(p.TCP, c, t)
	if p.Ports != nil && (t.SrcPort != p.Ports.Src || t.DstPort != p.Ports.Dst) {
		return differs("ports", fmt.Sprintf("%d > %d", p.Ports.Src, p.Ports.Dst), fmt.Sprintf("%d > %d", t.SrcPort, t.DstPort)), nil
	}
	if d := matchHeader(s, c, t); d != nil {
		return d, nil
	}
	if d := matchIP(&p.IP, &t.IP); d != nil {
		return d, nil
	}
	if s.AnyOptions || r.cfg.AnySYN && t.Flags&syn != 0 {
		c.learnStamps(s, t)
		return nil, nil
	}
	return r.matchOptions(s, c, t)
}

// part is what a script says of a segment, less what the subject has sent of it: a script
// may have in one segment what the subject sends in several, unless --strict_segments
// forbids that. PSH and FIN are the last one's.
func (r *run) part(s *script.TCP, c *conn, t *packet.TCP) *script.TCP {
	if r.strict || s.Seq.Any {
		return s
	}
	p := *s
	p.Seq.Length -= uint16(r.partial)
	p.Seq.Start.Offset += int32(r.partial)
	if p.Seq.Start.Name == "" {
		p.Seq.Start.Value, p.Seq.Start.Offset = p.Seq.Start.Value+uint32(r.partial), 0
	}
	if n := len(t.Payload); n > 0 && n < int(p.Seq.Length) {
		p.Seq.Length = uint16(n)
		p.Flags.Bits &^= script.PSH | script.FIN
		p.Flags.Bits |= script.FlagBits(t.Flags) & script.PSH
	}
	return &p
}

func matchHeader(s *script.TCP, c *conn, t *packet.TCP) *difference {
	if want := flags(s.Flags); t.Flags != want {
		return differs("flags", letters(want), letters(t.Flags))
	}
	inSYN := t.Flags&syn != 0
	offset := c.ownOffset(inSYN)
	if s.Seq.Absolute {
		offset = 0
	}
	if want := c.number(s.Seq.Start, offset); !s.Seq.Any && t.Seq != want {
		return differs("sequence number", want-offset, t.Seq-offset)
	}
	if want := int(s.Seq.Length); len(t.Payload) != want {
		return differs("bytes of data", want, len(t.Payload))
	}
	want, peer := uint32(0), c.peerOffset(inSYN)
	if s.Ack != nil {
		want = c.number(*s.Ack, peer)
	}
	if t.Ack != want && (s.Ack != nil || t.Flags&ack != 0) {
		return differs("acknowledgement", want-peer, t.Ack-peer)
	}
	if s.Win != nil && t.Window != c.window(*s.Win) {
		return differs("window", c.window(*s.Win), t.Window)
	}
	if s.Urg != nil && t.Urgent != *s.Urg {
		return differs("urgent pointer", *s.Urg, t.Urgent)
	}
	return nil
}

func letters(bits uint16) string {
	s := ""
	for i, l := range flagLetters {
		if bits&(1<<i) != 0 {
			s += string(l)
		}
	}
	if s == "" {
		return "none"
	}
	return s
}

func matchIP(want *script.IP, got *packet.IP) *difference {
	switch ecn := got.TOS & 3; {
	case want.TOS != nil && *want.TOS != got.TOS:
		return differs("type of service", *want.TOS, got.TOS)
	case want.DSCP != nil && *want.DSCP != got.TOS>>2:
		return differs("DSCP", *want.DSCP, got.TOS>>2)
	case want.ECN == script.ECT01 && (ecn == 1 || ecn == 2):
	case want.ECN != script.AnyECN && codepoint(want.ECN) != ecn:
		return differs("ECN", codepoint(want.ECN), ecn)
	case want.TTL != nil && *want.TTL != got.TTL:
		return differs("TTL", *want.TTL, got.TTL)
	case want.FlowLabel != nil && *want.FlowLabel != got.FlowLabel:
		return differs("flow label", *want.FlowLabel, got.FlowLabel)
	}
	return nil
}

func (r *run) matchOptions(s *script.TCP, c *conn, t *packet.TCP) (*difference, error) {
	want, err := c.options(s, script.Outbound)
	if err != nil {
		return nil, err
	}
	same := len(want) == len(t.Options)
	for i := 0; same && i < len(want); i++ {
		if o, got := &s.Options[i], t.Options[i]; o.Kind == script.TS {
			same = got.Kind == uint8(o.Kind) && len(got.Data) == len(want[i].Data)
		} else {
			same = got.Kind == want[i].Kind && bytes.Equal(got.Data, want[i].Data)
		}
	}
	if !same {
		return differs("options", orNone(formatOptions(want)), orNone(formatOptions(t.Options))), nil
	}
	if d := r.matchStamp(s, c, t); d != nil {
		return d, nil
	}
	c.learnStamps(s, t)
	return nil, nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s[1:]
}

// matchStamp compares timestamps with the script's, if the script says by
// --tcp_ts_tick_usecs how fast the subject's clock runs, as packetdrill does: what a
// timestamp is at first is the subject's choice.
func (r *run) matchStamp(s *script.TCP, c *conn, t *packet.TCP) *difference {
	o, val, ok := scriptStamp(s, t)
	if !ok || r.tick == 0 {
		return nil
	}
	if _, echo, _ := stampsOf(t); echo != c.number(o.TSEcr, 0) {
		return differs("timestamp echo", c.number(o.TSEcr, 0), echo)
	}
	if o.AnyVal || !c.hasStamp {
		return nil
	}
	want := o.TSVal.Value + c.stamp
	apart := time.Duration(int32(val-want)) * r.tick
	if apart < 0 {
		apart = -apart
	}
	if apart > r.tolerance {
		return differs("timestamp value", o.TSVal.Value, val-c.stamp)
	}
	return nil
}

func scriptStamp(s *script.TCP, t *packet.TCP) (*script.TCPOption, uint32, bool) {
	val, _, ok := stampsOf(t)
	for i := range s.Options {
		if s.Options[i].Kind == script.TS {
			return &s.Options[i], val, ok
		}
	}
	return nil, 0, false
}

// learnStamps remembers which timestamp of the subject's is meant by the script's.
func (c *conn) learnStamps(s *script.TCP, t *packet.TCP) {
	if o, val, ok := scriptStamp(s, t); ok && !o.AnyVal && o.TSVal.Name == "" {
		c.learnStamp(o.TSVal.Value, val)
	}
}
