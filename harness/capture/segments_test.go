package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"lastack/harness/capture/capturetest"
	"lastack/stack/segment"
)

// packetList is a Source of packets made by hand.
type packetList struct {
	packets []Packet
	err     error // after the last; nil means io.EOF
}

func (l *packetList) Next() (Packet, error) {
	if len(l.packets) == 0 {
		if l.err != nil {
			return Packet{}, l.err
		}
		return Packet{}, io.EOF
	}
	p := l.packets[0]
	l.packets = l.packets[1:]
	return p, nil
}

// line is what is compared of a segment.
type line struct {
	segment string
	partial bool
}

// lines reads all segments of a source, each to another place, and some by Next.
func lines(t testing.TB, src Source, c SegmentsConfig) ([]line, SegmentStats) {
	t.Helper()
	segments := NewSegments(src, c)
	var all []line
	for {
		s := &segment.Segment{Window: 1, Options: segment.Options{MSS: 2}}
		var p *Packet
		var err error
		if len(all)%3 == 2 {
			p, s, err = segments.Next()
		} else {
			p, err = segments.NextTo(s)
		}
		if errors.Is(err, io.EOF) {
			return all, segments.Stats()
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.OrigLen < s.PayloadStart+s.PayloadLen || len(p.Data) == 0 {
			t.Fatalf("%s in a packet of %d bytes", s, p.OrigLen)
		}
		all = append(all, line{s.String(), p.Partial})
	}
}

func written(t testing.TB, c capturetest.Config) (*Reader, capturetest.Summary) {
	t.Helper()
	var file bytes.Buffer
	sum, err := capturetest.Write(&file, c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	return r, sum
}

func sameLines(t *testing.T, got, want []line) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d segments, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("segment %d: %v, want %v", i, got[i], want[i])
		}
	}
}

// However a capture was made, its segments are the same: in fragments, cut to
// the headers, recorded twice on the way, or all of it.
func TestSegmentsOfAnyCapture(t *testing.T) {
	base := capturetest.Config{Seed: 5, Connections: 60, IPv6: 50, LostFINs: 30}
	r, sum := written(t, base)
	want, stats := lines(t, r, SegmentsConfig{})
	if len(want) != sum.Packets || stats != (SegmentStats{Segments: sum.Packets}) {
		t.Fatalf("%d segments, %+v of %+v", len(want), stats, sum)
	}
	for _, link := range capturetest.Links() {
		for _, format := range []capturetest.Format{capturetest.Pcap, capturetest.Pcapng} {
			for name, change := range map[string]func(*capturetest.Config){
				"fragments":           func(c *capturetest.Config) { c.MTU = 576 },
				"cut":                 func(c *capturetest.Config) { c.SnapLen = 90 },
				"twice":               func(c *capturetest.Config) { c.Twice = true },
				"twice, in fragments": func(c *capturetest.Config) { c.Twice, c.MTU = true, 300 },
				"cut, in fragments":   func(c *capturetest.Config) { c.SnapLen, c.MTU = 130, 1000 },
			} {
				t.Run(fmt.Sprintf("%v %v %s", link, format, name), func(t *testing.T) {
					c := base
					c.Link, c.Format = link, format
					change(&c)
					r, sum := written(t, c)
					got, stats := lines(t, r, SegmentsConfig{})
					sameLines(t, got, want)
					if c.Twice && stats.Duplicates == 0 || stats.Partial != 0 || (stats.Reassembled > 0) != (c.MTU > 0) {
						t.Errorf("%+v of %+v", stats, sum)
					}
				})
			}
		}
	}
}

func TestSegmentsKeepDuplicates(t *testing.T) {
	r, sum := written(t, capturetest.Config{Connections: 20, Twice: true})
	got, stats := lines(t, r, SegmentsConfig{KeepDuplicates: true})
	if len(got) != sum.Records || stats.Duplicates != 0 {
		t.Errorf("%d segments, %+v of %+v", len(got), stats, sum)
	}
}

// What is no segment is counted by its reason.
func TestSegmentsCounts(t *testing.T) {
	syn := unhex(t, synHex)
	odd := bytes.Clone(syn)
	odd[32] = 0x10 // a TCP header of 4 bytes
	var list packetList
	for _, data := range [][]byte{udp4(53, nil), syn[:30], odd, syn} {
		list.packets = append(list.packets, Packet{Time: at(0), Data: data, OrigLen: max(len(data), 40)})
	}
	_, stats := lines(t, &list, SegmentsConfig{})
	if want := (SegmentStats{Segments: 1, NotTCP: 1, Truncated: 1, Malformed: 1}); stats != want {
		t.Errorf("%+v, want %+v", stats, want)
	}
}

// The error of the source comes last, and stays.
func TestSegmentsPassErrorsOn(t *testing.T) {
	broken := errors.New("disk on fire")
	segments := NewSegments(&packetList{packets: []Packet{{Time: at(0), Data: unhex(t, synHex), OrigLen: 40}}, err: broken}, SegmentsConfig{})
	if _, _, err := segments.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := segments.Next(); !errors.Is(err, broken) {
			t.Errorf("%v, want %v", err, broken)
		}
	}
}

// A segment that offloading left without a length in the IP header is as long
// as the record says, though the record was cut.
func TestSegmentsWithoutLength(t *testing.T) {
	for name, s := range map[string]segment.Segment{
		"IPv4": {Tuple: tuple(t, "192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: segment.ACK},
		"IPv6": {Tuple: tuple(t, "[2001:db8::1]:1", "[2001:db8::2]:2"), Version: 6, Flags: segment.ACK},
	} {
		b := segment.Append(nil, &s, make([]byte, 100))
		field, headers := 2, 40
		if s.Version == 6 {
			field, headers = 4, 60
		}
		b[field], b[field+1] = 0, 0
		_, got, err := NewSegments(&packetList{packets: []Packet{{Time: at(0), Data: b, OrigLen: 150_000}}}, SegmentsConfig{}).Next()
		if err != nil || got.PayloadLen != 150_000-headers {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// A packet costs no memory: reading a large capture allocates what reading a
// small one does.
func TestReadingDoesNotAllocate(t *testing.T) {
	for name, c := range benchFormats {
		file, sum := generated(t, c)
		for how, read := range map[string]func([]byte) (int, error){"packets": readThrough, "segments": segmentsOf} {
			t.Run(name+" "+how, func(t *testing.T) {
				var failed error
				n := testing.AllocsPerRun(1, func() {
					if n, err := read(file); err != nil || n != sum.Packets {
						failed = fmt.Errorf("%d of %d packets: %w", n, sum.Packets, err)
					}
				})
				if failed != nil || sum.Packets < 80_000 || n > 50 {
					t.Errorf("%v allocations for %d packets; %v", n, sum.Packets, failed)
				}
			})
		}
	}
}
