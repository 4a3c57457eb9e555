package capture

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// A frame of each link type, down to the bytes, and what is left of it.
var linkCases = []struct {
	name   string
	link   uint32
	before string // the link header
	packet string
	after  string // padding
	dir    Direction
}{
	{"ethernet IPv4", 1, "020000000001 020000000002 0800", synHex, "000000000000", DirectionUnknown},
	{"ethernet IPv6", 1, "020000000001 020000000002 86dd", fin6Hex, "", DirectionUnknown},
	{"ethernet VLAN", 1, "020000000001 020000000002 8100 0064 0800", synHex, "", DirectionUnknown},
	{"ethernet QinQ", 1, "020000000001 020000000002 88a8 0064 8100 00c8 86dd", fin6Hex, "", DirectionUnknown},
	{"ethernet old QinQ", 1, "020000000001 020000000002 9100 0064 8100 00c8 0800", synHex, "", DirectionUnknown},
	{"cooked v1 in", 113, "0000 0001 0006 0200000000010000 0800", synHex, "", Incoming},
	{"cooked v1 out", 113, "0004 0001 0006 0200000000010000 86dd", fin6Hex, "", Outgoing},
	{"cooked v1 VLAN", 113, "0004 0001 0006 0200000000010000 8100 0064 0800", synHex, "", Outgoing},
	{"cooked v2 in", 276, "0800 0000 00000002 0001 00 06 0200000000010000", synHex, "", Incoming},
	{"cooked v2 out", 276, "86dd 0000 00000002 fffe 04 00 0000000000000000", fin6Hex, "", Outgoing},
	{"raw 101 IPv4", 101, "", synHex, "", DirectionUnknown},
	{"raw 101 IPv6", 101, "", fin6Hex, "", DirectionUnknown},
	{"raw 12", 12, "", synHex, "", DirectionUnknown},
	{"raw 14", 14, "", fin6Hex, "", DirectionUnknown},
	{"IPv4 228", 228, "", synHex, "", DirectionUnknown},
	{"IPv6 229", 229, "", fin6Hex, "", DirectionUnknown},
	{"null little-endian", 0, "02000000", synHex, "", DirectionUnknown},
	{"null big-endian", 0, "00000002", synHex, "", DirectionUnknown},
	{"null Linux IPv6", 0, "0a000000", fin6Hex, "", DirectionUnknown},
	{"null Darwin IPv6", 0, "1e000000", fin6Hex, "", DirectionUnknown},
	{"null FreeBSD IPv6 big-endian", 0, "0000001c", fin6Hex, "", DirectionUnknown},
	{"loop OpenBSD IPv6", 108, "00000018", fin6Hex, "", DirectionUnknown},
	{"loop IPv4", 108, "00000002", synHex, "", DirectionUnknown},
	{"ethernet five VLANs", 1, eth + "8100 0001 8100 0002 8100 0003 9100 0004 9200 0005 0800", synHex, "", DirectionUnknown},
	{"ethernet PBB", 1, eth + "88a8 0064 88e7 00112233" + eth + "8100 0001 0800", synHex, "", DirectionUnknown},
	{"ethernet E-Tag", 1, eth + "893f 000a 000b 0000 8100 0001 0800", synHex, "", DirectionUnknown},
	{"ethernet VN-Tag", 1, eth + "8926 80010002 86dd", fin6Hex, "", DirectionUnknown},
	{"ethernet Cisco metadata", 1, eth + "8909 0101 0001 000a 0800", synHex, "", DirectionUnknown},
	{"ethernet SNAP", 1, eth + "0030 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"ethernet SNAP of a bridge", 1, eth + "0030 aaaa03 0000f8 86dd", fin6Hex, "", DirectionUnknown},
	{"ethernet LLC with IP", 1, eth + "002b 060603", synHex, "", DirectionUnknown},
	{"ethernet jumbo LLC", 1, eth + "8870 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"ethernet MPLS", 1, eth + "8847 00010040 00020140", synHex, "", DirectionUnknown},
	{"ethernet MPLS multicast IPv6", 1, eth + "8848 00002140", fin6Hex, "", DirectionUnknown},
	{"ethernet in MPLS", 1, eth + "8847 00010140 00000000" + eth + "0800", synHex, "", DirectionUnknown},
	{"ethernet in MPLS without control word", 1, eth + "8847 00010140" + eth + "0800", synHex, "", DirectionUnknown},
	{"ethernet PPPoE", 1, eth + "8864 11000001 002a 0021", synHex, "", DirectionUnknown},
	{"ethernet PPPoE IPv6 in a VLAN", 1, eth + "8100 0007 8864 11000001 003e 0057", fin6Hex, "", DirectionUnknown},
	{"ethernet bridged", 1, eth + "6558" + eth + "0800", synHex, "", DirectionUnknown},
	{"cooked v1 LLC", 113, "0000 0001 0006 0200000000010000 0004 aaaa03 000000 0800", synHex, "", Incoming},
	{"PPP", 9, "ff03 0021", synHex, "", DirectionUnknown},
	{"PPP without address", 9, "0057", fin6Hex, "", DirectionUnknown},
	{"PPP, protocol in one byte", 9, "21", synHex, "", DirectionUnknown},
	{"PPP with MPLS", 9, "ff03 0281 00010140", synHex, "", DirectionUnknown},
	{"PPP over serial", 50, "ff03 0021", synHex, "", DirectionUnknown},
	{"PPP over serial, Cisco", 50, "0f00 0800", synHex, "", DirectionUnknown},
	{"PPPoE without Ethernet", 51, "11000001 002a 0021", synHex, "", DirectionUnknown},
	{"PPP of pppd, out", 166, "01 0021", synHex, "", Outgoing},
	{"PPP with direction, in", 204, "00 ff03 0021", synHex, "", Incoming},
	{"C-HDLC", 104, "8f00 86dd", fin6Hex, "", DirectionUnknown},
	{"C-HDLC with direction", 205, "01 0f00 8847 00010140", synHex, "", Outgoing},
	{"FDDI", 10, "57 020000000001 020000000002 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"Token Ring", 6, "1040 020000000001 020000000002 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"Token Ring with a route", 6, "1040 020000000001 820000000002 0630 00112233 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"MPLS", 219, "00010140", synHex, "", DirectionUnknown},
	{"802.11", 105, "0801 0000" + macs + "0010 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"802.11 with quality of service", 105, "8802 0000" + macs + "0010 0000 aaaa03 000000 86dd", fin6Hex, "", DirectionUnknown},
	{"802.11 between access points", 105, "8883 0000" + macs + "0010 020000000004 0000 00000000 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"802.11 aggregate", 105, "8801 0000" + macs + "0010 8000 020000000001 020000000002 0030 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"radiotap", 127, "0000 0800 00000000 0801 0000" + macs + "0010 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"radiotap, padded", 127, "0000 1a00 030000a0 00000020 00000000 1122334455667788 20 00 8801 0000" + macs + "0010 0000 0000 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"Prism", 119, "00000044 00000090" + zeroes(136) + "0801 0000" + macs + "0010 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"Prism with AVS", 119, "80211001 00000040" + zeroes(56) + "0801 0000" + macs + "0010 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"AVS", 163, "80211001 00000040" + zeroes(56) + "0801 0000" + macs + "0010 aaaa03 000000 86dd", fin6Hex, "", DirectionUnknown},
	{"PPI", 192, "0000 0800 69000000 0801 0000" + macs + "0010 aaaa03 000000 0800", synHex, "", DirectionUnknown},
	{"IP over InfiniBand", 242, zeroes(40) + "0800 0000", synHex, "", DirectionUnknown},
	{"NFLOG", 239, "02 00 0001 0800 0100 08000100 0500 0a00 00000000 2c00 0900", synHex, "", DirectionUnknown},
	{"NFLOG big-endian IPv6", 239, "0a 00 0001 0008 0001 86dd0000 0040 0009", fin6Hex, "", DirectionUnknown},
	{"PFLOG", 117, "3d 02" + zeroes(62), synHex, "", DirectionUnknown},
	{"PFLOG IPv6", 117, "64 18" + zeroes(98), fin6Hex, "", DirectionUnknown},
	{"ENC", 109, "02000000 00000001 00000000", synHex, "", DirectionUnknown},
	{"IPNET", 226, "01 02 0000 00000028 00000001 00000000 00000000 00000000", synHex, "", DirectionUnknown},
	{"IPNET IPv6", 226, "01 1a 0000 00000028 00000001 00000000 00000000 00000000", fin6Hex, "", DirectionUnknown},
	{"PKTAP out", 258, pktapHex("01000000", "02000000") + eth + "0800", synHex, "", Outgoing},
	{"PKTAP raw in", 258, pktapHex("0c000000", "01000000"), fin6Hex, "", Incoming},
	{"PKTAP by its old number", 149, pktapHex("00000000", "00000000") + "02000000", synHex, "", DirectionUnknown},
}

// The beginnings of frames.
const (
	eth  = "020000000001 020000000002 "
	macs = "020000000001 020000000002 020000000003 "
)

func zeroes(n int) string { return strings.Repeat("00", n) }

// pktapHex is PKTAP's header with the type of the link and the flags.
func pktapHex(link, flags string) string {
	return "6c000000 01000000" + link + zeroes(24) + flags + zeroes(108-40)
}

func TestLinkTypes(t *testing.T) {
	for _, c := range linkCases {
		t.Run(c.name, func(t *testing.T) {
			want := unhex(t, c.packet)
			frame := join(unhex(t, c.before), want, unhex(t, c.after))
			files := map[string][]byte{
				"pcap": pcapFile(binary.LittleEndian, 0xa1b2c3d4, c.link, frame),
				"pcapng": join(sectionBlock(binary.BigEndian), interfaceBlock(binary.BigEndian, uint16(c.link), "i"),
					packetBlock(binary.BigEndian, 0, at(0), frame)),
			}
			for format, file := range files {
				_, all := mustRead(t, file)
				if len(all) != 1 {
					t.Fatalf("%s: %d packets, want 1", format, len(all))
				}
				p := all[0]
				if !bytes.Equal(p.Data, want) || p.OrigLen != len(want) {
					t.Errorf("%s:\n got % x (of %d)\nwant % x", format, p.Data, p.OrigLen, want)
				}
				if p.Direction != c.dir {
					t.Errorf("%s: direction %v, want %v", format, p.Direction, c.dir)
				}
			}
		})
	}
}

// Every proper prefix of every frame is cut somewhere: in the link header it is
// counted as short, behind it the packet is there as far as it goes.
func TestLinkTypesCut(t *testing.T) {
	for _, c := range linkCases {
		if c.name == "ethernet in MPLS without control word" {
			continue // cut, it looks like one with a control word
		}
		header, packet := unhex(t, c.before), unhex(t, c.packet)
		frame := join(header, packet)
		for n := range len(frame) {
			file := appendRecord(binary.LittleEndian, pcapFile(binary.LittleEndian, 0xa1b2c3d4, c.link), 0, n, len(frame), frame[:n])
			r, all := mustRead(t, file)
			if n <= len(header) {
				if len(all) != 0 || r.Skipped().Short != 1 {
					t.Errorf("%s cut to %d: %d packets, %+v; want one short", c.name, n, len(all), r.Skipped())
				}
				continue
			}
			if len(all) != 1 || !bytes.Equal(all[0].Data, packet[:n-len(header)]) || all[0].OrigLen != len(packet) || !all[0].Truncated() {
				t.Errorf("%s cut to %d: %+v", c.name, n, all)
			}
		}
	}
}

func TestSkipsWhatIsNotIP(t *testing.T) {
	cases := []struct {
		name  string
		link  uint32
		frame string
	}{
		{"ARP", 1, "ffffffffffff 020000000002 0806 0001 0800 0604 0001"},
		{"802.3 length", 1, "0180c2000000 020000000002 0026 4242 03"},
		{"ARP in a VLAN", 1, "ffffffffffff 020000000002 8100 0001 0806 0001"},
		{"EtherType says IPv4, packet says 6", 1, "020000000001 020000000002 0800 60"},
		{"cooked ARP", 113, "0000 0001 0006 0200000000010000 0806 0001"},
		{"cooked v2 ARP", 276, "0806 0000 00000002 0001 00 06 0200000000010000 0001"},
		{"raw, version 5", 101, "55"},
		{"raw, version 0", 101, "00"},
		{"IPv4 link, IPv6 packet", 228, "60"},
		{"IPv6 link, IPv4 packet", 229, "45"},
		{"null, AppleTalk", 0, "10000000 45"},
		{"SNAP of another organisation", 1, "01000ccccccc 020000000002 0030 aaaa03 00000c 2000 45"},
		{"LLC of another protocol", 1, "020000000001 020000000002 0030 e0e003 45"},
		{"MPLS without IP", 1, "020000000001 020000000002 8847 00010140 1000000000000000000000000000 000000000000"},
		{"PPPoE discovery by its code", 1, "020000000001 020000000002 8864 11650001 0001 0021 45"},
		{"PPP LCP", 9, "ff03 c021 01"},
		{"C-HDLC keep-alive", 104, "8f00 8035 45"},
		{"802.11 beacon", 105, "8000 0000"},
		{"802.11 null data", 105, "4801 0000"},
		{"802.11 encrypted", 105, "0841 0000" + macs + "0010 aaaa03 000000 0800 45"},
		{"802.11 later fragment", 105, "0801 0000" + macs + "0110 aaaa03 000000 0800 45"},
		{"radiotap too short for itself", 127, "0000 0400 00000000"},
		{"PPI in PPI in PPI", 192, strings.Repeat("00000800c0000000", maxNested+2)},
		{"AVS of length 0", 163, "80211001 00000000"},
		{"FDDI without data", 10, "41 020000000001 020000000002"},
		{"NFLOG of length 0", 239, "02 00 0001 0000 0100"},
		{"PFLOG of length 0", 117, "00 02"},
		{"PKTAP of another record", 258, strings.Replace(pktapHex("01000000", "00000000"), "01000000", "00000000", 1)},
		{"PKTAP in PKTAP in PKTAP", 258, strings.Repeat(pktapHex("02010000", "00000000"), maxNested+2)},
		{"Ethernet in Ethernet in Ethernet", 1, strings.Repeat(eth+"6558", maxNested+2)},
	}
	for _, c := range cases {
		r, all := mustRead(t, pcapFile(binary.BigEndian, 0xa1b2c3d4, c.link, unhex(t, c.frame)))
		if len(all) != 0 || r.Skipped() != (Skipped{NonIP: 1}) || r.Records() != 1 || r.Skipped().Total() != 1 {
			t.Errorf("%s: %d packets, %+v, %d records", c.name, len(all), r.Skipped(), r.Records())
		}
		if kinds := r.SkippedKinds(); len(kinds) != 1 || kinds[0].Packets != 1 || kinds[0].Name == kindNames[kindOther] {
			t.Errorf("%s: kinds %v", c.name, kinds)
		}
	}
}

// Lengths in IP headers that are absent (offload) or wrong leave the data alone.
func TestTrim(t *testing.T) {
	syn, fin6 := unhex(t, synHex), unhex(t, fin6Hex)
	with := func(p []byte, at int, n uint16) []byte {
		p = bytes.Clone(p)
		binary.BigEndian.PutUint16(p[at:], n)
		return p
	}
	cases := []struct {
		name       string
		data       []byte
		orig       int
		want, wire int
	}{
		{"padded", join(syn, make([]byte, 6)), 46, 40, 40},
		{"padded and cut", join(syn, make([]byte, 3)), 46, 40, 40},
		{"cut", syn[:30], 40, 30, 40},
		{"cut inside the IP header", syn[:10], 46, 10, 46},
		{"IPv4 length 0", with(syn, 2, 0), 40, 40, 40},
		{"IPv4 length below its header", with(syn, 2, 19), 40, 40, 40},
		{"IPv4 length beyond the record", with(syn, 2, 1500), 40, 40, 40},
		{"IPv6 padded", join(fin6, make([]byte, 2)), 62, 60, 60},
		{"IPv6 length 0", with(fin6, 4, 0), 60, 60, 60},
	}
	for _, c := range cases {
		data, wire := trim(c.data, c.orig)
		if len(data) != c.want || wire != c.wire {
			t.Errorf("%s: %d of %d bytes, want %d of %d", c.name, len(data), wire, c.want, c.wire)
		}
	}
}
