package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"lastack/harness/capture/capturetest"
	"lastack/stack/segment"
)

// generated is a capture of about 100,000 packets, cut to their headers.
func generated(t testing.TB, c capturetest.Config) ([]byte, capturetest.Summary) {
	t.Helper()
	var file bytes.Buffer
	c.Seed, c.SnapLen = 1, 128
	if c.Connections == 0 {
		c.Connections = 8000
	}
	sum, err := capturetest.Write(&file, c)
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), sum
}

var benchFormats = map[string]capturetest.Config{
	"pcap":        {},
	"pcapng":      {Format: capturetest.Pcapng},
	"pcapng big":  {Format: capturetest.Pcapng, BigEndian: true},
	"pcap cooked": {Link: capturetest.CookedV2, Format: capturetest.PcapNano},
	"pcap IPv6":   {IPv6: 100},
}

// BenchmarkReadFile is reading, taking off the link header, and parsing.
func BenchmarkReadFile(b *testing.B) {
	for name, c := range benchFormats {
		b.Run(name, func(b *testing.B) {
			file, sum := generated(b, c)
			b.ReportAllocs()
			for b.Loop() {
				if n, err := readThrough(file); err != nil || n != sum.Packets {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sum.Packets), "ns/packet")
		})
	}
}

// BenchmarkSegments adds fragments and duplicates to look for.
func BenchmarkSegments(b *testing.B) {
	for name, c := range map[string]capturetest.Config{"once": {}, "twice": {Twice: true, Connections: 4000}} {
		b.Run(name, func(b *testing.B) {
			file, sum := generated(b, c)
			b.ReportAllocs()
			for b.Loop() {
				if n, err := segmentsOf(file); err != nil || n != sum.Packets {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sum.Records), "ns/packet")
		})
	}
}

// readThrough reads and parses a whole file and counts its segments.
func readThrough(file []byte) (int, error) {
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return 0, err
	}
	var s segment.Segment
	for n := 0; ; n++ {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if err := s.Decode(p.Data, p.OrigLen); err != nil {
			return n, fmt.Errorf("packet %d: %w", r.Records(), err)
		}
	}
}

// segmentsOf counts the segments of a whole file.
func segmentsOf(file []byte) (int, error) {
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return 0, err
	}
	segments := NewSegments(r, SegmentsConfig{})
	for n := 0; ; n++ {
		if _, _, err := segments.Next(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// BenchmarkTunnels is what it costs to take a segment out of a tunnel, reading
// included.
func BenchmarkTunnels(b *testing.B) {
	for _, c := range tunnelCases {
		switch c.name {
		case "GRE", "VXLAN", "Geneve with options", "GTP-U", "AH", "VXLAN in GRE in IP in IP":
		default:
			continue
		}
		b.Run(c.name, func(b *testing.B) {
			const packets = 10_000
			there, back := encoded(b, c.frame(b, 0)...), encoded(b, c.frame(b, 1)...)
			file := pcapFile(binary.LittleEndian, magicMicros, 101)
			for n := range packets / 2 {
				file = appendRecord(binary.LittleEndian, file, n, len(there), len(there), there)
				file = appendRecord(binary.LittleEndian, file, n, len(back), len(back), back)
			}
			b.ReportAllocs()
			for b.Loop() {
				if n, err := segmentsOf(file); err != nil || n != packets {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*packets), "ns/packet")
		})
	}
}
