package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastack/stack/segment"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// encoded writes layers with gopacket's encoders, which nobody here wrote.
func encoded(t testing.TB, all ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, all...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buf.Bytes())
}

type stack []gopacket.SerializableLayer

// The outer headers. way is 0 or 1: the two directions of a tunnel between the
// hosts a and b.
func outer4(way int, proto layers.IPProtocol, a, b string) *layers.IPv4 {
	if way == 1 {
		a, b = b, a
	}
	return &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: proto, SrcIP: net.ParseIP(a), DstIP: net.ParseIP(b)}
}

func outer6(way int, proto layers.IPProtocol) *layers.IPv6 {
	a, b := "2001:db8::1", "2001:db8::2"
	if way == 1 {
		a, b = b, a
	}
	return &layers.IPv6{Version: 6, NextHeader: proto, HopLimit: 64, SrcIP: net.ParseIP(a), DstIP: net.ParseIP(b)}
}

func macHeader(typ layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: typ}
}

func udpTo(way int, port layers.UDPPort) *layers.UDP {
	return &layers.UDP{SrcPort: layers.UDPPort(50000 + way), DstPort: port}
}

func raw(t testing.TB, s string) gopacket.Payload { return unhex(t, s) }

// innerSegment is a FIN from 10.0.0.1:40000 to 10.0.0.2:443, or the other way.
func innerSegment(way int) stack {
	tcp := &layers.TCP{SrcPort: 40000, DstPort: 443, Seq: 100, Ack: 200, FIN: true, ACK: true, Window: 1000, Options: []layers.TCPOption{{OptionType: 1}, {OptionType: 1}, {OptionType: 1}, {OptionType: 1}}}
	if way == 1 {
		tcp.SrcPort, tcp.DstPort = tcp.DstPort, tcp.SrcPort
	}
	return stack{outer4(way, layers.IPProtocolTCP, "10.0.0.1", "10.0.0.2"), tcp}
}

// inner6 is the same between two IPv6 addresses.
func inner6(way int, a, b string) stack {
	s := innerSegment(way)
	if way == 1 {
		a, b = b, a
	}
	s[0] = &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolTCP, HopLimit: 64, SrcIP: net.ParseIP(a), DstIP: net.ParseIP(b)}
	return s
}

const hostA, hostB, hostC = "192.0.2.1", "192.0.2.2", "192.0.2.3"

// tunnelCases make a packet in a tunnel, from the outer IP header on.
var tunnelCases = []struct {
	name   string
	frame  func(t testing.TB, way int) stack
	tunnel string // String of it; empty for none
	shark  bool   // tshark opens it without being told to
}{
	{"GRE", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 47, hostA, hostB), &layers.GRE{Protocol: 0x800}}, innerSegment(way)...)
	}, "GRE 192.0.2.1-192.0.2.2", true},
	{"GRE with a key, a checksum and a number", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 47, hostA, hostB), &layers.GRE{Protocol: 0x800, KeyPresent: true, Key: 7, ChecksumPresent: true, SeqPresent: true, Seq: uint32(way)}}, innerSegment(way)...)
	}, "GRE 7 192.0.2.1-192.0.2.2", true},
	{"GRE with Ethernet and a VLAN over IPv6", func(_ testing.TB, way int) stack {
		return append(stack{outer6(way, 47), &layers.GRE{Protocol: 0x6558}, macHeader(0x8100), &layers.Dot1Q{VLANIdentifier: 5, Type: 0x800}}, innerSegment(way)...)
	}, "GRE 2001:db8::1-2001:db8::2", true},
	{"GRE with MPLS", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 47, hostA, hostB), &layers.GRE{Protocol: 0x8847}, &layers.MPLS{Label: 16 + uint32(way), TTL: 3, StackBottom: true}}, innerSegment(way)...)
	}, "GRE 192.0.2.1-192.0.2.2", true},
	{"PPTP", func(t testing.TB, way int) stack {
		in := encoded(t, innerSegment(way)...)
		key := uint32(len(in)+4)<<16 | uint32(way+1)
		return stack{outer4(way, 47, hostA, hostB), &layers.GRE{Protocol: 0x880b, Version: 1, KeyPresent: true, Key: key, SeqPresent: true, AckPresent: true}, raw(t, "ff03 0021"), gopacket.Payload(in)}
	}, "PPTP 192.0.2.1-192.0.2.2", true},
	{"WCCP", func(t testing.TB, way int) stack {
		return append(stack{outer4(way, 47, hostA, hostB), &layers.GRE{Protocol: 0x883e}, raw(t, "00000000")}, innerSegment(way)...)
	}, "GRE 192.0.2.1-192.0.2.2", true},
	{"GRE over UDP", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 4754), &layers.GRE{Protocol: 0x800}}, innerSegment(way)...)
	}, "GRE 192.0.2.1-192.0.2.2", true},
	{"GRE with 802.11", func(t testing.TB, way int) stack {
		return append(stack{outer4(way, 47, hostA, hostB), &layers.GRE{Protocol: 0x8200}, raw(t, "0801 0000"+macs+"0010 aaaa03 000000 0800")}, innerSegment(way)...)
	}, "GRE 192.0.2.1-192.0.2.2", false},
	{"ERSPAN I", func(_ testing.TB, way int) stack {
		return append(stack{outer4(0, 47, hostA, hostB), &layers.GRE{Protocol: 0x88be}, macHeader(0x800)}, innerSegment(way)...)
	}, "", true},
	{"ERSPAN II", func(_ testing.TB, way int) stack {
		return append(stack{outer4(0, 47, hostA, hostB), &layers.GRE{Protocol: 0x88be, SeqPresent: true}, &layers.ERSPANII{Version: 1, SessionID: 9}, macHeader(0x800)}, innerSegment(way)...)
	}, "", true},
	{"ERSPAN III", func(t testing.TB, way int) stack {
		return append(stack{outer4(0, 47, hostA, hostB), &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, raw(t, "2000 0009 00000000 0000 0000"), macHeader(0x800)}, innerSegment(way)...)
	}, "", true},
	{"ERSPAN III with a subheader", func(t testing.TB, way int) stack {
		return append(stack{outer4(0, 47, hostA, hostB), &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, raw(t, "2000 0009 00000000 0000 0001 1122334455667788"), macHeader(0x800)}, innerSegment(way)...)
	}, "", true},
	{"ERSPAN III with IP", func(t testing.TB, way int) stack {
		return append(stack{outer4(0, 47, hostA, hostB), &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, raw(t, "2000 0009 00000000 0000 0800")}, innerSegment(way)...)
	}, "", false},
	{"IP in IP", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 4, hostA, hostB)}, innerSegment(way)...)
	}, "IP in IP 192.0.2.1-192.0.2.2", true},
	{"IP in IPv6", func(_ testing.TB, way int) stack {
		return append(stack{outer6(way, 4)}, innerSegment(way)...)
	}, "IP in IP 2001:db8::1-2001:db8::2", true},
	{"6in4", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 41, hostA, hostB)}, inner6(way, "fd00::1", "fd00::2")...)
	}, "6in4 192.0.2.1-192.0.2.2", true},
	{"6to4 that returns by another relay", func(_ testing.TB, way int) stack {
		back := hostB
		if way == 1 {
			back = hostC
		}
		return append(stack{outer4(way, 41, hostA, back)}, inner6(way, "2002:c000:201::1", "2001:db8::2")...)
	}, "", true},
	{"IPv6 in IPv6 behind options", func(t testing.TB, way int) stack {
		return append(stack{outer6(way, 60), raw(t, "2900 0104 00000000")}, inner6(way, "fd00::1", "fd00::2")...)
	}, "IP in IP 2001:db8::1-2001:db8::2", true},
	{"EtherIP", func(t testing.TB, way int) stack {
		return append(stack{outer4(way, 97, hostA, hostB), raw(t, "3000"), macHeader(0x800)}, innerSegment(way)...)
	}, "EtherIP 192.0.2.1-192.0.2.2", true},
	{"MPLS in IP", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 137, hostA, hostB), &layers.MPLS{Label: 20, StackBottom: true}}, innerSegment(way)...)
	}, "MPLS in IP 192.0.2.1-192.0.2.2", true},
	{"VXLAN", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 4789), &layers.VXLAN{ValidIDFlag: true, VNI: 42}, macHeader(0x800)}, innerSegment(way)...)
	}, "VXLAN 42 192.0.2.1-192.0.2.2", true},
	{"VXLAN on Linux' port", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 8472), &layers.VXLAN{ValidIDFlag: true, VNI: 42}, macHeader(0x8100), &layers.Dot1Q{Type: 0x800}}, innerSegment(way)...)
	}, "VXLAN 42 192.0.2.1-192.0.2.2", false},
	{"VXLAN-GPE", func(t testing.TB, way int) stack {
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 4790), raw(t, "0c000001 00002a00")}, innerSegment(way)...)
	}, "VXLAN-GPE 42 192.0.2.1-192.0.2.2", true},
	{"Geneve with options", func(_ testing.TB, way int) stack {
		g := &layers.Geneve{Protocol: 0x6558, VNI: 42, Options: []*layers.GeneveOption{{Class: 1, Type: 2, Data: make([]byte, 124)}, {Class: 1, Type: 2, Data: make([]byte, 120)}}}
		return append(stack{outer6(way, 17), udpTo(way, 6081), g, macHeader(0x800)}, innerSegment(way)...)
	}, "Geneve 42 2001:db8::1-2001:db8::2", true},
	{"Geneve with IP", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 6081), &layers.Geneve{Protocol: 0x800, VNI: 42}}, innerSegment(way)...)
	}, "Geneve 42 192.0.2.1-192.0.2.2", true},
	{"GTP-U", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 2152), &layers.GTPv1U{Version: 1, ProtocolType: 1, MessageType: 255, TEID: uint32(way + 1)}}, innerSegment(way)...)
	}, "GTP-U 192.0.2.1-192.0.2.2", true},
	{"GTP-U with extensions", func(_ testing.TB, way int) stack {
		g := &layers.GTPv1U{Version: 1, ProtocolType: 1, MessageType: 255, TEID: 1, GTPExtensionHeaders: []layers.GTPExtensionHeader{{Type: 0x85, Content: []byte{0, 1}}, {Type: 0xc0, Content: []byte{0, 1, 2, 3, 4, 5}}}}
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 2152), g}, innerSegment(way)...)
	}, "GTP-U 192.0.2.1-192.0.2.2", true},
	{"Teredo", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 3544)}, inner6(way, "2001:0:1234::1", "2001:db8::2")...)
	}, "", true},
	{"Teredo with indications", func(t testing.TB, way int) stack {
		return append(stack{outer4(way, 17, hostA, hostB), udpTo(way, 3544), raw(t, "0001 0000 1122334455667788 00 0000 1234 01020304")}, inner6(way, "2001:0:1234::1", "2001:db8::2")...)
	}, "", true},
	{"AH", func(t testing.TB, way int) stack {
		s := innerSegment(way)
		s[0].(*layers.IPv4).Protocol = 51
		return stack{s[0], raw(t, "06 04 0000 00000001 00000002 112233445566778899aabbcc"), s[1]}
	}, "", true},
	{"AH over IPv6", func(t testing.TB, way int) stack {
		s := inner6(way, "fd00::1", "fd00::2")
		s[0].(*layers.IPv6).NextHeader = 51
		return stack{s[0], raw(t, "06 04 0000 00000001 00000002 112233445566778899aabbcc"), s[1]}
	}, "", true},
	{"IP in AH", func(t testing.TB, way int) stack {
		return append(stack{outer4(way, 51, hostA, hostB), raw(t, "04 04 0000 00000001 00000002 112233445566778899aabbcc")}, innerSegment(way)...)
	}, "IP in IP 192.0.2.1-192.0.2.2", true},
	{"VXLAN in GRE in IP in IP", func(_ testing.TB, way int) stack {
		return append(stack{outer4(way, 4, hostA, hostB), outer4(way, 47, hostA, hostC), &layers.GRE{Protocol: 0x800},
			outer4(way, 17, hostB, hostC), udpTo(way, 4789), &layers.VXLAN{ValidIDFlag: true, VNI: 1}, macHeader(0x800)}, innerSegment(way)...)
	}, "VXLAN 1 192.0.2.2-192.0.2.3 in GRE 192.0.2.1-192.0.2.3 in IP in IP 192.0.2.1-192.0.2.2", true},
}

// opened reads raw IP packets as segments.
func opened(t testing.TB, c SegmentsConfig, packets ...[]byte) (tunnels []*Tunnel, segs []segment.Segment, s *Segments) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(pcapFile(binary.LittleEndian, magicMicros, 101, packets...)))
	if err != nil {
		t.Fatal(err)
	}
	s = NewSegments(r, c)
	for {
		p, seg, err := s.Next()
		if errors.Is(err, io.EOF) {
			return tunnels, segs, s
		}
		if err != nil {
			t.Fatal(err)
		}
		tunnels, segs = append(tunnels, p.Tunnel), append(segs, *seg)
	}
}

// Both directions of a connection come out of one tunnel, as they are without it.
func TestTunnels(t *testing.T) {
	for _, c := range tunnelCases {
		t.Run(c.name, func(t *testing.T) {
			there, back := encoded(t, c.frame(t, 0)...), encoded(t, c.frame(t, 1)...)
			tunnels, segs, s := opened(t, SegmentsConfig{}, there, back)
			if len(segs) != 2 {
				t.Fatalf("%d segments; %+v %v", len(segs), s.Stats(), s.NotTCPKinds())
			}
			a, b := &segs[0], &segs[1]
			if a.Src.Port != 40000 || a.Seq != 100 || a.Flags != segment.FIN|segment.ACK || a.PayloadLen != 0 || a.Tuple != b.Reverse() {
				t.Errorf("%s and %s", a, b)
			}
			if tunnels[0] != tunnels[1] {
				t.Errorf("there %v, back %v", tunnels[0], tunnels[1])
			}
			if got := tunnels[0]; (got == nil) != (c.tunnel == "") || got != nil && got.String() != c.tunnel {
				t.Errorf("%v, want %s", got, c.tunnel)
			}
			if st := s.Stats(); st.Segments != 2 || st.NotTCP != 0 || (st.Tunnelled == 2) != (c.tunnel != "") {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A packet that was cut is a segment, or counted; where TCP's first 20 bytes are
// there it is a segment.
func TestTunnelsCut(t *testing.T) {
	le := binary.LittleEndian
	for _, c := range tunnelCases {
		whole := encoded(t, c.frame(t, 0)...)
		enough := bytes.Index(whole, unhex(t, "9c40 01bb 00000064")) + 20 // without TCP's options
		for n := 1; n < len(whole); n++ {
			file := appendRecord(le, pcapFile(le, magicMicros, 101), 0, n, len(whole), whole[:n])
			r, err := NewReader(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			s := NewSegments(r, SegmentsConfig{})
			_, seg, err := s.Next()
			st := s.Stats()
			switch {
			case n >= enough:
				if err != nil || seg.PayloadLen != 0 {
					t.Errorf("%s cut to %d of %d: %v, %v, %+v", c.name, n, len(whole), seg, err, st)
				}
			case err == nil || st.Truncated+st.NotTCP != 1:
				t.Errorf("%s cut to %d of %d: %v, %v, %+v", c.name, n, len(whole), seg, err, st)
			}
		}
	}
}

// The same addresses and ports in two networks are two connections.
func TestTunnelsApart(t *testing.T) {
	vxlan := func(b string, vni uint32) stack {
		return append(stack{outer4(0, 17, hostA, b), udpTo(0, 4789), &layers.VXLAN{ValidIDFlag: true, VNI: vni}, macHeader(0x800)}, innerSegment(0)...)
	}
	geneve := func(vni uint32) stack {
		return append(stack{outer4(0, 17, hostA, hostB), udpTo(0, 6081), &layers.Geneve{Protocol: 0x800, VNI: vni}}, innerSegment(0)...)
	}
	gre := func(b string, key uint32) stack {
		return append(stack{outer4(0, 47, hostA, b), &layers.GRE{Protocol: 0x800, KeyPresent: key > 0, Key: key}}, innerSegment(0)...)
	}
	ipip := func(b string) stack { return append(stack{outer4(0, 4, hostA, b)}, innerSegment(0)...) }
	nested := append(stack{outer4(0, 4, hostA, hostC)}, ipip(hostB)...)
	var packets [][]byte
	all := []stack{innerSegment(0), vxlan(hostB, 1), vxlan(hostB, 2), vxlan(hostC, 1), geneve(1), geneve(2),
		gre(hostB, 0), gre(hostB, 1), gre(hostB, 2), gre(hostC, 2), ipip(hostB), ipip(hostC), nested}
	for _, s := range all {
		packets = append(packets, encoded(t, s...))
	}
	tunnels, _, s := opened(t, SegmentsConfig{}, packets...)
	numbers := map[uint32]bool{}
	for _, in := range tunnels {
		if in != nil {
			numbers[in.Number] = true
		}
	}
	if len(tunnels) != len(all) || len(numbers) != len(all)-1 || s.Stats().Duplicates != 0 {
		t.Errorf("%d segments in %d tunnels, want %d: %v", len(tunnels), len(numbers), len(all), tunnels)
	}
}

// Tunnels beyond those that are told apart share one, and nothing grows.
func TestTunnelsBounded(t *testing.T) {
	var table tunnels
	for n := range uint32(maxTunnels + 100) {
		key := tunnelKey{kind: tunnelVXLAN, hasID: true, id: n}
		table.of(&key)
	}
	a, b := tunnelKey{kind: tunnelGRE, id: 1}, tunnelKey{kind: tunnelGRE, id: 2}
	if table.of(&a) != table.of(&b) || len(table.known) > maxTunnels+1 {
		t.Errorf("%v, %v, %d tunnels", table.of(&a), table.of(&b), len(table.known))
	}
}

// What looks like a tunnel and is none counts as what it is.
func TestNoTunnels(t *testing.T) {
	bent := bytes.Repeat([]byte{0x45}, 40)
	deep := stack{}
	for range maxNested + 2 {
		deep = append(deep, outer4(0, 4, hostA, hostB))
	}
	for name, tt := range map[string]struct {
		packet []byte
		want   string
	}{
		"DNS":                    {udp4(53, []byte("abc")), "UDP"},
		"VXLAN without its flag": {udp4(4789, bent), "UDP"},
		"an ARP packet in VXLAN": {udp4(4789, unhex(t, "0800000000000100"+eth+"0806")), "ARP"},
		"OTV":                    {udp4(8472, unhex(t, "0800000000000101"+eth+"0800 45")), "UDP"},
		"GTP-U echo":             {udp4(2152, unhex(t, "3001 0000 00000000")), "tunnels with something else"},
		"GTP-U with nonsense":    {udp4(2152, append(unhex(t, "30ff 0028 00000000 4f000001"), bent...)), "UDP"},
		"ESP":                    {encoded(t, outer4(0, 50, hostA, hostB), gopacket.Payload("encrypted")), "ESP"},
		"GRE keep-alive":         {encoded(t, outer4(0, 47, hostA, hostB), &layers.GRE{}), "GRE with something else"},
		"SCTP":                   {encoded(t, outer4(0, 132, hostA, hostB)), "SCTP"},
		"IP in IP in IP ...":     {encoded(t, deep...), "nested too deeply"},
		"IPv6 without anything":  {encoded(t, outer6(0, 59)), "IPv6 without a payload"},
	} {
		_, segs, s := opened(t, SegmentsConfig{}, tt.packet)
		kinds := s.NotTCPKinds()
		if len(segs) != 0 || s.Stats().NotTCP != 1 || len(kinds) != 1 || kinds[0] != (Kind{tt.want, 1}) {
			t.Errorf("%s: %d segments, %+v, %v, want %s", name, len(segs), s.Stats(), kinds, tt.want)
		}
	}
}

// A packet that a mirror shows a second time is a copy, and one in a second tunnel
// is none.
func TestTunnelDuplicates(t *testing.T) {
	mirrored := func(from string) []byte {
		return encoded(t, append(stack{outer4(0, 47, from, hostB), &layers.GRE{Protocol: 0x88be}, macHeader(0x800)}, innerSegment(0)...)...)
	}
	file := pcapFile(binary.LittleEndian, magicNanos, 101)
	for i, from := range []string{hostA, hostC} {
		file = appendRecord(binary.LittleEndian, file, 0, len(mirrored(from)), len(mirrored(from)), mirrored(from))
		binary.LittleEndian.PutUint32(file[len(file)-len(mirrored(from))-12:], uint32(i)*3e6) // 3 ms
	}
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	s := NewSegments(r, SegmentsConfig{})
	for err == nil {
		_, _, err = s.Next()
	}
	if st := s.Stats(); st.Segments != 1 || st.Duplicates != 1 {
		t.Errorf("%+v", st)
	}
}

// tshark finds one TCP stream in each tunnel, where it opens the tunnel by itself.
func TestTsharkTunnels(t *testing.T) {
	dir := t.TempDir()
	for i, c := range tunnelCases {
		if !c.shark {
			continue
		}
		path := filepath.Join(dir, string(rune('a'+i)))
		file := pcapFile(binary.LittleEndian, magicMicros, 101, encoded(t, c.frame(t, 0)...), encoded(t, c.frame(t, 1)...))
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		out := tool(t, "tshark", "-r", path, "-T", "fields", "-e", "tcp.stream", "-e", "tcp.srcport")
		if got := strings.Fields(out); strings.Join(got, " ") != "0 40000 0 443" {
			t.Errorf("%s: tshark has %q", c.name, got)
		}
	}
}
