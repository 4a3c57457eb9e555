package capture

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// ICMP errors name the segment that did not arrive.
func TestICMPErrors(t *testing.T) {
	segmentBytes := encoded(t, innerSegment(0)...)
	short := gopacket.Payload(segmentBytes[:28]) // what RFC 792 asks for
	error4 := func(typ, code uint8) stack {
		return stack{outer4(0, 1, hostC, "10.0.0.1"), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(typ, code), Id: 0, Seq: 1400}}
	}
	six := encoded(t, inner6(0, "fd00::1", "fd00::2")...)
	vxlan := encoded(t, append(stack{outer4(0, 17, hostA, hostB), udpTo(0, 4789), &layers.VXLAN{ValidIDFlag: true, VNI: 42}, macHeader(0x800)}, innerSegment(0)...)...)
	const tuple, tuple6 = "10.0.0.1:40000 > 10.0.0.2:443", "[fd00::1]:40000 > [fd00::2]:443"
	for name, tt := range map[string]struct {
		packet stack
		what   string
		tuple  string
		mtu    uint32
		tunnel string
	}{
		"host":    {append(error4(3, 1), short), "host unreachable", tuple, 0, ""},
		"port":    {append(error4(3, 3), gopacket.Payload(segmentBytes)), "port unreachable", tuple, 0, ""},
		"filter":  {append(error4(3, 13), short), "prohibited by a filter", tuple, 0, ""},
		"too big": {append(error4(3, 4), short), "fragmentation needed", tuple, 1400, ""},
		"TTL":     {append(error4(11, 0), short), "time to live exceeded", tuple, 0, ""},
		"unknown": {append(error4(3, 99), short), "ICMP type 3 code 99", tuple, 0, ""},
		"IPv6": {stack{outer6(0, 58), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(1, 4)}, raw(t, "00000000"), gopacket.Payload(six)},
			"port unreachable", tuple6, 0, ""},
		"IPv6 too big": {stack{outer6(0, 58), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(2, 0)}, raw(t, "00000500"), gopacket.Payload(six)},
			"packet too big", tuple6, 1280, ""},
		"about a tunnel": {append(error4(3, 1), gopacket.Payload(vxlan)), "host unreachable", tuple, 0, "VXLAN 42 192.0.2.1-192.0.2.2"},
		"in a tunnel": {append(append(stack{outer4(1, 4, hostA, hostB)}, error4(3, 1)...), short),
			"host unreachable", tuple, 0, "IP in IP 192.0.2.1-192.0.2.2"},
		"echo":        {append(error4(8, 0), short), "", "", 0, ""},
		"about UDP":   {append(error4(3, 3), gopacket.Payload(udp4(53, nil))), "", "", 0, ""},
		"quote cut":   {append(error4(3, 3), short[:27]), "", "", 0, ""},
		"empty quote": {error4(3, 3), "", "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []ICMPError
			_, segs, s := opened(t, SegmentsConfig{ICMP: func(e *ICMPError) { got = append(got, *e) }}, encoded(t, tt.packet...))
			if st := s.Stats(); len(segs) != 0 || st.NotTCP != 1 || st.ICMPErrors != len(got) || len(got) != min(1, len(tt.what)) {
				t.Fatalf("%+v, errors %+v", st, got)
			}
			if len(got) == 0 {
				return
			}
			e := got[0]
			if e.What() != tt.what || e.Tuple.String() != tt.tuple || e.Seq != 100 || e.MTU != tt.mtu || e.Time.IsZero() {
				t.Errorf("%s %+v", e.What(), e)
			}
			if want := netip.MustParseAddr(hostC); e.Version == 4 && e.From != want {
				t.Errorf("from %v", e.From)
			}
			if (e.Tunnel == nil) != (tt.tunnel == "") || e.Tunnel != nil && e.Tunnel.String() != tt.tunnel {
				t.Errorf("tunnel %v", e.Tunnel)
			}
		})
	}
}
