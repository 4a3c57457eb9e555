package capturetest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/stack/segment"
)

// Every format with every link holds the packets the truth speaks of, readable
// and in order.
func TestWriteIsReadable(t *testing.T) {
	for _, link := range capturetest.Links() {
		for _, format := range []capturetest.Format{capturetest.Pcap, capturetest.PcapNano, capturetest.Pcapng} {
			for _, big := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v %d %v", link, format, big), func(t *testing.T) {
					testReadable(t, capturetest.Config{Link: link, Format: format, BigEndian: big})
				})
			}
		}
	}
}

func testReadable(t *testing.T, c capturetest.Config) {
	c.Seed, c.Connections, c.IPv6, c.LostFINs = 7, 40, 30, 20
	want := make(map[segment.Tuple]int)
	c.Each = func(truth capturetest.Truth) { want[truth.Tuple] += truth.Packets }
	var file bytes.Buffer
	sum, err := capturetest.Write(&file, c)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Connections != 40 || sum.Bytes != int64(file.Len()) || len(want) != 40 {
		t.Errorf("%+v, %d bytes, %d tuples", sum, file.Len(), len(want))
	}
	r, err := capture.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := capture.ReadAll(r)
	if err != nil || len(all) != sum.Packets || r.Records() != sum.Records {
		t.Fatalf("%d packets in %d records of %+v: %v", len(all), r.Records(), sum, err)
	}
	for i, p := range all {
		s, err := segment.Parse(p.Data)
		if err != nil || !s.ChecksumOK(p.Data) {
			t.Fatalf("packet %d: %v, checksum %v", i, err, s.ChecksumOK(p.Data))
		}
		if i > 0 && p.Time.Before(all[i-1].Time) {
			t.Fatalf("packet %d is earlier than the one before", i)
		}
		if _, ok := want[s.Tuple]; !ok {
			s.Tuple = s.Tuple.Reverse()
		}
		want[s.Tuple]--
	}
	for tuple, left := range want {
		if left != 0 {
			t.Errorf("%s: %d packets are missing", tuple, left)
		}
	}
}

func TestSameConfigSameBytes(t *testing.T) {
	c := capturetest.Config{Connections: 50, Seed: 3}
	var a, b, other bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if _, err := capturetest.Write(w, c); err != nil {
			t.Fatal(err)
		}
	}
	c.Seed = 4
	if _, err := capturetest.Write(&other, c); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) || bytes.Equal(a.Bytes(), other.Bytes()) {
		t.Error("the seed alone should make the difference")
	}
}

// Fragments, cut records and packets seen twice are counted as such.
func TestRecords(t *testing.T) {
	for name, tt := range map[string]struct {
		c       capturetest.Config
		records func(capturetest.Summary) bool
	}{
		"fragments": {capturetest.Config{MTU: 576, IPv6: 50}, func(s capturetest.Summary) bool { return s.Records > s.Packets }},
		"twice":     {capturetest.Config{Twice: true}, func(s capturetest.Summary) bool { return s.Records == 2*s.Packets }},
		"cut":       {capturetest.Config{SnapLen: 96}, func(s capturetest.Summary) bool { return s.Records == s.Packets }},
	} {
		var file bytes.Buffer
		sum, err := capturetest.Write(&file, tt.c)
		if err != nil {
			t.Fatal(err)
		}
		r, err := capture.NewReader(&file)
		if err != nil {
			t.Fatal(err)
		}
		all, err := capture.ReadAll(r)
		if err != nil || len(all) != sum.Records || !tt.records(sum) {
			t.Errorf("%s: %d packets of %+v: %v", name, len(all), sum, err)
		}
		for i, p := range all {
			if tt.c.SnapLen > 0 && len(p.Data) > tt.c.SnapLen || tt.c.MTU > 0 && p.OrigLen > tt.c.MTU {
				t.Fatalf("%s: packet %d: %d of %d bytes", name, i, len(p.Data), p.OrigLen)
			}
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, c := range map[string]capturetest.Config{
		"kind": {Kinds: []capturetest.Kind{"five-way"}}, "MTU": {MTU: 68}, "servers": {Servers: 300},
	} {
		if _, err := capturetest.Write(io.Discard, c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	full := errors.New("no space left")
	if _, err := capturetest.Write(failing{full}, capturetest.Config{}); !errors.Is(err, full) {
		t.Errorf("%v, want the writer's error", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func BenchmarkWrite(b *testing.B) {
	packets := 0
	for b.Loop() {
		sum, err := capturetest.Write(io.Discard, capturetest.Config{Connections: 5000})
		if err != nil {
			b.Fatal(err)
		}
		packets += sum.Packets
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
}
