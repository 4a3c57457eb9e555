package capture

import (
	"bytes"
	"encoding/binary"
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
	}
	for _, c := range cases {
		r, all := mustRead(t, pcapFile(binary.BigEndian, 0xa1b2c3d4, c.link, unhex(t, c.frame)))
		if len(all) != 0 || r.Skipped() != (Skipped{NonIP: 1}) || r.Records() != 1 || r.Skipped().Total() != 1 {
			t.Errorf("%s: %d packets, %+v, %d records", c.name, len(all), r.Skipped(), r.Records())
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
