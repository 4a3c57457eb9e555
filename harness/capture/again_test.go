package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"lastack/harness/capture/capturetest"
	"lastack/stack/segment"
)

// TestAgain: a regular file can be read twice at the same time and begun again; what cannot,
// or is short, is left to one reading.
func TestAgain(t *testing.T) {
	var file bytes.Buffer
	sum, err := capturetest.Write(&file, capturetest.Config{Connections: 50})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(file.Bytes()); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	open := func(name string, b []byte, c OpenConfig) *File {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path, c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	count := func(f *File) (n int) {
		t.Helper()
		for {
			if _, err := f.Next(); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return n
			}
			n++
		}
	}
	f := open("a.pcap", file.Bytes(), OpenConfig{})
	if _, err := f.Next(); err != nil {
		t.Fatal(err)
	}
	again, err := f.Again(int64(file.Len()))
	if err != nil || again == nil {
		t.Fatalf("%v, %v", again, err)
	}
	defer again.Close()
	if a, b := count(f), count(again); a != sum.Records-1 || b != sum.Records {
		t.Errorf("%d and %d packets, want %d and one more", a, b, sum.Records-1)
	}
	if err := f.Rewind(); err != nil || f.Records() != 0 {
		t.Fatal(err)
	}
	if n := count(f); n != sum.Records || f.Records() != sum.Records {
		t.Errorf("%d packets from the beginning, want %d", n, sum.Records)
	}
	for what, f := range map[string]*File{
		"short":      f,
		"followed":   open("b.pcap", file.Bytes(), OpenConfig{Follow: true}),
		"compressed": open("c.pcap.gz", packed.Bytes(), OpenConfig{}),
	} {
		if again, err := f.Again(int64(file.Len()) + 1); again != nil || err != nil {
			t.Errorf("%s: %v, %v", what, again, err)
		}
	}
	replaced := open("d.pcap", file.Bytes(), OpenConfig{})
	if err := os.Rename(filepath.Join(dir, "a.pcap"), filepath.Join(dir, "d.pcap")); err != nil {
		t.Fatal(err)
	}
	if again, err := replaced.Again(1); again != nil || err != nil {
		t.Errorf("another file of that name is read: %v, %v", again, err)
	}
}

// TestShare: several Segments that have a capture between them come to what one comes to,
// duplicates included.
func TestShare(t *testing.T) {
	var file bytes.Buffer
	if _, err := capturetest.Write(&file, capturetest.Config{Connections: 400, Twice: true}); err != nil {
		t.Fatal(err)
	}
	lane := func(t *segment.Tuple) int { return int(t.Src.Port^t.Dst.Port) & 1 }
	read := func(share func(*Packet) Share) (st SegmentStats, packets int) {
		r, err := NewReader(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		s := NewSegments(r, SegmentsConfig{Share: share, Dedup: DedupConfig{Lane: lane}})
		for {
			if _, _, err := s.Next(); err != nil {
				return s.Stats(), s.Packets()
			}
		}
	}
	want, packets := read(nil)
	sum := SegmentStats{}
	for me := range 2 {
		st, n := read(func(p *Packet) Share {
			var tuple segment.Tuple
			switch ok := segment.Peek(p.Data, &tuple); {
			case ok && lane(&tuple) == me, !ok && me == 0:
				return Mine
			case ok:
				return Another
			}
			return ForAll
		})
		if n != packets {
			t.Errorf("%d packets were gone through, want %d", n, packets)
		}
		sum.Segments, sum.Duplicates, sum.NotTCP = sum.Segments+st.Segments, sum.Duplicates+st.Duplicates, sum.NotTCP+st.NotTCP
	}
	if sum.Segments != want.Segments || sum.Duplicates != want.Duplicates || sum.NotTCP != want.NotTCP || want.Duplicates == 0 {
		t.Errorf("%+v, want %+v", sum, want)
	}
}
