package capture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/capture/capturetest"
	"lastack/stack/segment"
)

// generatedFile writes a generated capture to disk.
func generatedFile(t *testing.T, c capturetest.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "generated")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := capturetest.Write(f, c); err != nil {
		t.Fatal(err)
	}
	return path
}

func readAllOf(t *testing.T, path string) []Packet {
	t.Helper()
	all, err := ReadAll(mustOpen(t, path, OpenConfig{}))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// samePackets wants two files to hold the same packets; times may be cut to
// microseconds.
func samePackets(t *testing.T, got, want []Packet) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if !bytes.Equal(g.Data, w.Data) || g.OrigLen != w.OrigLen || g.Time.UnixMicro() != w.Time.UnixMicro() || !bytes.Equal(g.LinkHeader, w.LinkHeader) {
			t.Fatalf("packet %d: %+v, want %+v", i, g, w)
		}
	}
}

// What editcap makes of a capture, in every format it has that is read here, is
// the same capture.
func TestEditcapFormats(t *testing.T) {
	for _, link := range capturetest.Links() {
		in := generatedFile(t, capturetest.Config{Connections: 20, IPv6: 50, Format: capturetest.Pcapng, BigEndian: true, Link: link})
		want := readAllOf(t, in)
		formats := []string{"pcap", "nsecpcap", "pcapng", "modpcap"}
		if link == capturetest.Ethernet {
			formats = append(formats, "snoop")
		}
		for _, format := range formats {
			t.Run(fmt.Sprintf("%v %s", link, format), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "edited")
				tool(t, "editcap", "-F", format, in, out)
				samePackets(t, readAllOf(t, out), want)
			})
		}
	}
}

// A format that is not read is refused by name, not misread.
func TestEditcapOtherFormats(t *testing.T) {
	in := generatedFile(t, capturetest.Config{Connections: 5})
	out := filepath.Join(t.TempDir(), "netmon2")
	tool(t, "editcap", "-F", "netmon2", in, out)
	if f, err := Open(out, OpenConfig{}); err == nil || !strings.Contains(err.Error(), "editcap -F pcapng") {
		t.Errorf("%v, %v", f, err)
	}
}

// Comments and a snap length, as editcap sets them.
func TestEditcapCommentsAndSnapLength(t *testing.T) {
	in := generatedFile(t, capturetest.Config{Connections: 5, Format: capturetest.Pcapng})
	out := filepath.Join(t.TempDir(), "edited")
	tool(t, "editcap", "-F", "pcapng", "-a", "3:third, with a comma", "-s", "60", in, out)
	before, after := readAllOf(t, in), readAllOf(t, out)
	if len(before) != len(after) {
		t.Fatalf("%d packets of %d", len(after), len(before))
	}
	for i, p := range after {
		want := ""
		if i == 2 {
			want = "third, with a comma"
		}
		if p.Comment != want || p.OrigLen != before[i].OrigLen || len(p.Data) > 60-14 {
			t.Fatalf("packet %d: %+v", i, p)
		}
	}
}

// mergecap puts the captures of two interfaces into one file; what they have in
// common is there once. Without -I none it makes one interface of two.
func TestMergecapDuplicates(t *testing.T) {
	in := generatedFile(t, capturetest.Config{Connections: 50, IPv6: 50, Format: capturetest.Pcapng})
	want, _ := lines(t, mustOpen(t, in, OpenConfig{}), SegmentsConfig{})
	dir := t.TempDir()
	later, out := filepath.Join(dir, "later"), filepath.Join(dir, "merged")
	tool(t, "editcap", "-t", "0.000005", in, later)
	tool(t, "mergecap", "-I", "none", "-w", out, in, later)
	got, stats := lines(t, mustOpen(t, out, OpenConfig{}), SegmentsConfig{})
	sameLines(t, got, want)
	if stats.Duplicates != len(want) {
		t.Errorf("%+v, want %d duplicates", stats, len(want))
	}
}

// What tcpdump writes of a file it read is the same capture, compressed with
// gzip or not.
func TestTcpdumpRewrites(t *testing.T) {
	for _, link := range capturetest.Links() {
		t.Run(link.String(), func(t *testing.T) {
			in := generatedFile(t, capturetest.Config{Connections: 20, IPv6: 50, Format: capturetest.PcapNano, BigEndian: true, Link: link})
			dir := t.TempDir()
			out := filepath.Join(dir, "rewritten")
			tool(t, "tcpdump", "-r", in, "-w", out, "--time-stamp-precision=nano")
			want := readAllOf(t, in)
			samePackets(t, readAllOf(t, out), want)
			tool(t, "gzip", out)
			samePackets(t, readAllOf(t, out+".gz"), want)
		})
	}
}

// tshark reads the same segments out of a capture, of packets in fragments too,
// which it puts together when it has the last.
func TestTsharkAgrees(t *testing.T) {
	for name, c := range map[string]capturetest.Config{
		"whole":     {Format: capturetest.Pcapng},
		"cut":       {SnapLen: 100},
		"QinQ":      {Link: capturetest.QinQ},
		"cooked":    {Link: capturetest.CookedVLAN, Format: capturetest.PcapNano},
		"fragments": {MTU: 600},
	} {
		t.Run(name, func(t *testing.T) {
			c.Seed, c.Connections, c.IPv6, c.LostFINs = 9, 100, 50, 20
			in := generatedFile(t, c)
			fields := []string{"-r", in, "-n", "-Y", "tcp.seq_raw", "-T", "fields", "-E", "separator= "}
			for _, f := range []string{"frame.number", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.len", "tcp.window_size_value", "tcp.options.timestamp.tsval"} {
				fields = append(fields, "-e", f)
			}
			want := strings.Split(strings.TrimSpace(tool(t, "tshark", fields...)), "\n")
			f := mustOpen(t, in, OpenConfig{})
			segments := NewSegments(f, SegmentsConfig{})
			for i, w := range want {
				_, s, err := segments.Next()
				if err != nil {
					t.Fatalf("segment %d of %d: %v", i, len(want), err)
				}
				if got := asTshark(f.Records(), s); got != strings.TrimSpace(w) {
					t.Fatalf("segment %d: %q, tshark has %q", i, got, w)
				}
			}
			if _, s, err := segments.Next(); err == nil {
				t.Errorf("%s is not in tshark's list", s)
			}
		})
	}
}

// asTshark writes a segment as tshark's fields.
func asTshark(record int, s *segment.Segment) string {
	out := fmt.Sprintf("%d %d %d %d %d 0x%04x %d %d", record, s.Src.Port, s.Dst.Port, uint32(s.Seq), uint32(s.Ack), uint8(s.Flags), s.PayloadLen, s.Window)
	if s.HasTimestamps {
		out += fmt.Sprintf(" %d", s.TSVal)
	}
	return out
}
