package app

import (
	"bytes"
	"io"
	"strconv"
	"testing"
	"testing/iotest"
)

func TestContent(t *testing.T) {
	for _, n := range []int64{-1, 0, 1, 10, 64, 65, 66, 4096, 1 << 17} {
		got, err := io.ReadAll(Content(n))
		if err != nil || int64(len(got)) != max(n, 0) {
			t.Errorf("Content(%d) has %d bytes, error %v", n, len(got), err)
		}
		byOne, err := io.ReadAll(iotest.OneByteReader(Content(n)))
		if err != nil || !bytes.Equal(got, byOne) {
			t.Errorf("Content(%d) is different when read byte by byte (error %v)", n, err)
		}
	}
}

func TestContentLinesBeginWithTheirOffset(t *testing.T) {
	all, err := io.ReadAll(Content(1 << 20))
	if err != nil {
		t.Fatal(err)
	}
	off := 0
	for text := range bytes.Lines(all) {
		if len(text) < 10 {
			break // the last line, cut short
		}
		if n, err := strconv.Atoi(string(text[:10])); err != nil || n != off {
			t.Fatalf("the line at offset %d begins %q", off, text[:10])
		}
		off += len(text)
	}
	if off < 1<<20-10 {
		t.Fatalf("lines end at offset %d", off)
	}
}

func BenchmarkContent(b *testing.B) {
	b.SetBytes(maxBytes / 1024)
	for b.Loop() {
		if _, err := io.Copy(io.Discard, Content(maxBytes/1024)); err != nil {
			b.Fatal(err)
		}
	}
}
