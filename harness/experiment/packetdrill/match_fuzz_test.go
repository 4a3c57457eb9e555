package packetdrill

import (
	"net/netip"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/script"
)

// FuzzMatch: whatever a script expects and whatever comes, the two are compared or refused,
// and a packet that is built from what a script injects is one that can be read.
func FuzzMatch(f *testing.F) {
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.168.0.1")
	for _, text := range []string{
		"S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7>", "F. 5:5(0) ack rcv_nxt", "P. 1:100(99) ack 1 win rcv_wnd <...>",
		". 1:1(0) ack 1 <nop,nop,sack 5:6 9:12>", "SEW 0:0(0) <FO a1b2c3d4e5f60718>", "icmp unreachable port_unreachable [1:11(10)]",
	} {
		t := packet.TCP{IP: packet.IP{Src: src, Dst: dst}, Flags: 0x18, Options: []packet.Option{{Kind: 1}, {Kind: 8, Data: make([]byte, 8)}}, Payload: []byte("x")}
		b, _ := t.Append(nil)
		f.Add(text, b)
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		r := &run{tick: time.Millisecond}
		c := &conn{local: netip.AddrPortFrom(src, 1), remote: netip.AddrPortFrom(dst, 2), own: 7}
		c.seen = seen{iss: 1, sndNxt: 9, rcvNxt: 4, edge: 99, scale: 3}
		if got, _, err := packet.Parse(data); err == nil && got != nil {
			c.sent(got)
			c.received(got)
			_ = c.format(got, true)
			if s, err := script.Parse("f", []byte("0 > "+text+"\n"), script.Config{}); err == nil && len(s.Events) == 1 {
				if p, ok := s.Events[0].Action.(*script.Packet); ok && p.TCP != nil {
					_, _ = r.match(p, c, got)
				}
			}
		}
		s, err := script.Parse("f", []byte("0 < "+text+"\n"), script.Config{})
		if err != nil || len(s.Events) != 1 {
			return
		}
		if p, ok := s.Events[0].Action.(*script.Packet); ok {
			if b, _, err := r.inbound(p, c); err == nil {
				if _, _, err := packet.Parse(b); err != nil {
					t.Errorf("%q became %x: %v", text, b, err)
				}
			}
		}
	})
}
