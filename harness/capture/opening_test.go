package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastack/stack/segment"
)

// chop makes fragments with so many bytes of an IP packet each, the last with the rest.
// Those of IPv6 have a fragment header.
func chop(whole []byte, id uint16, sizes ...int) (all []Packet) {
	header := int(whole[0]&15) * 4
	if whole[0]>>4 == 6 {
		header = lenIPv6
	}
	body, at0 := whole[header:], at(0)
	for from, i := 0, 0; from < len(body); i++ {
		size := len(body) - from
		if i < len(sizes) {
			size = min(sizes[i], size)
		}
		more := from+size < len(body)
		b := append([]byte(nil), whole[:header]...)
		if whole[0]>>4 == 6 {
			field := uint16(from)
			if more {
				field |= 1
			}
			b[6] = segment.ExtFragment
			b = append(b, whole[6], 0, byte(field>>8), byte(field), 0, 0, byte(id>>8), byte(id))
			binary.BigEndian.PutUint16(b[4:], uint16(8+size))
		} else {
			field := uint16(from / 8)
			if more {
				field |= 0x2000
			}
			binary.BigEndian.PutUint16(b[2:], uint16(header+size))
			binary.BigEndian.PutUint16(b[4:], id)
			binary.BigEndian.PutUint16(b[6:], field)
			sum := uint32(0)
			b[10], b[11] = 0, 0
			for k := 0; k < header; k += 2 {
				sum += uint32(binary.BigEndian.Uint16(b[k:]))
			}
			sum = sum&0xffff + sum>>16
			binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16))
		}
		b = append(b, body[from:from+size]...)
		all = append(all, Packet{Time: at0.Add(time.Duration(i) * time.Millisecond), Data: b, OrigLen: len(b)})
		from += size
	}
	return all
}

// small is a segment with options and 100 bytes of data.
func small(t testing.TB, version uint8) []byte {
	s := segment.Segment{Tuple: tuple(t, "192.0.2.1:1000", "192.0.2.2:80"), Version: version, Flags: segment.PSH | segment.ACK, Seq: 7, Ack: 9, Window: 500}
	if version == 6 {
		s.Tuple = tuple(t, "[2001:db8::1]:1000", "[2001:db8::2]:80")
	}
	s.HasTimestamps, s.TSVal, s.TSEcr = true, 3, 4
	return segment.Append(nil, &s, make([]byte, 100))
}

// TestSplitHeader: a TCP header that several fragments share is read, in whatever order
// they come, and it is lost only where a part of it is.
func TestSplitHeader(t *testing.T) {
	for _, version := range []uint8{4, 6} {
		f := chop(small(t, version), 1, 8, 8, 8, 48)
		for name, tt := range map[string]struct {
			packets []Packet
			want    string
			stats   SegmentStats
		}{
			"in order":        {f, "len=100", SegmentStats{Segments: 1, Fragments: 5, Reassembled: 1}},
			"backwards":       {[]Packet{f[4], f[3], f[2], f[1], f[0]}, "len=100", SegmentStats{Segments: 1, Fragments: 5, Reassembled: 1}},
			"first late":      {[]Packet{f[1], f[2], f[3], f[0], f[4]}, "len=100", SegmentStats{Segments: 1, Fragments: 5, Reassembled: 1}},
			"each twice":      {[]Packet{f[0], f[0], f[1], f[1], f[2], f[2], f[3], f[3], f[4], f[4]}, "len=100", SegmentStats{Segments: 1, Duplicates: 5, Fragments: 10, Reassembled: 1}},
			"last missing":    {f[:4], "len=40", SegmentStats{Segments: 1, Fragments: 4, Reassembled: 1, Partial: 1}},
			"second missing":  {[]Packet{f[0], f[2], f[3], f[4]}, "", SegmentStats{Fragments: 4, Truncated: 1}},
			"options missing": {[]Packet{f[0], f[1], f[2], f[4]}, "", SegmentStats{Fragments: 4, Truncated: 1}},
			"first missing":   {f[1:], "", SegmentStats{Fragments: 4}},
		} {
			got, stats := lines(t, &packetList{packets: tt.packets}, SegmentsConfig{})
			if stats != tt.stats {
				t.Errorf("%d, %s: %+v, want %+v", version, name, stats, tt.stats)
			}
			if tt.want == "" {
				continue
			}
			if len(got) != 1 || !strings.Contains(got[0].segment, ":1000 > ") || !strings.Contains(got[0].segment, "PSH+ACK seq=7 ack=9 "+tt.want+" win=500") {
				t.Errorf("%d, %s: %v, want %s", version, name, got, tt.want)
			}
		}
	}
}

// A segment of nothing but a header, 8 bytes at a time; and a header whose second part
// says that it is none.
func TestSplitHeaderAlone(t *testing.T) {
	ack := segment.Append(nil, &segment.Segment{Tuple: tuple(t, "192.0.2.1:1000", "192.0.2.2:80"), Version: 4, Flags: segment.ACK, Seq: 7, Ack: 9}, nil)
	got, _ := lines(t, &packetList{packets: chop(ack, 1, 8, 8)}, SegmentsConfig{})
	if len(got) != 1 || !strings.Contains(got[0].segment, "ACK seq=7 ack=9 len=0") {
		t.Errorf("%v", got)
	}
	ack[32] = 0xf0
	if got, stats := lines(t, &packetList{packets: chop(ack, 1, 8, 8)}, SegmentsConfig{}); len(got) != 0 || stats.Truncated != 1 {
		t.Errorf("%v %+v", got, stats)
	}
}

// However many headers are never whole, few are kept at a time.
func TestSplitHeadersAreBounded(t *testing.T) {
	const n = 10_000
	var list packetList
	for i := range n {
		p := chop(small(t, 4), uint16(i), 8)[i%2] // a beginning, or another's rest
		p.Data[15] = byte(i / 2)
		list.packets = append(list.packets, p)
	}
	got, stats := lines(t, &list, SegmentsConfig{})
	if len(got) != 0 || stats.Truncated != n/2 {
		t.Errorf("%d segments, %+v", len(got), stats)
	}
}

// TestSplitHeaderLikeTshark: tshark finds the same connections.
func TestSplitHeaderLikeTshark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcap")
	var file bytes.Buffer
	w, err := NewPcapWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for port := range 20 {
		for _, version := range []uint8{4, 6} {
			whole := small(t, version)
			header := 20
			if version == 6 {
				header = lenIPv6
			}
			binary.BigEndian.PutUint16(whole[header:], uint16(2000+port))
			sizes := [][]int{{8}, {16, 8}, {24}, {8, 8, 8}, {40, 24}}[port%5]
			for _, p := range chop(whole, uint16(100*int(version)+port), sizes...) {
				p.Time = p.Time.Add(time.Duration(n) * 10 * time.Millisecond)
				if err := w.Write(p); err != nil {
					t.Fatal(err)
				}
			}
			n++
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(path, file.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, OpenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, stats := lines(t, f, SegmentsConfig{})
	if len(got) != n || stats.Partial != 0 {
		t.Errorf("%d segments, want %d: %+v", len(got), n, stats)
	}
	seen := strings.Fields(tool(t, "tshark", "-r", path, "-Y", "tcp", "-T", "fields", "-e", "tcp.stream", "-e", "tcp.len"))
	if len(seen) != 2*n || seen[len(seen)-2] != "39" || seen[len(seen)-1] != "100" {
		t.Errorf("tshark has %q", seen)
	}
}
