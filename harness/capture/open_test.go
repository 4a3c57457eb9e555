package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// onDisk writes a file and returns its path.
func onDisk(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustOpen(t *testing.T, path string, c OpenConfig) *File {
	t.Helper()
	f, err := Open(path, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// twoPackets is a file of two packets, and how much of it the first takes.
func twoPackets(t *testing.T) (file []byte, first int) {
	file = pcapFile(binary.LittleEndian, magicMicros, 101, unhex(t, synHex), unhex(t, fin6Hex))
	return file, pcapHeader + pcapRecordHeader + 40
}

func TestOpen(t *testing.T) {
	file, _ := twoPackets(t)
	for name, content := range map[string][]byte{"plain": file, "gzip": gzipped(t, file)} {
		f := mustOpen(t, onDisk(t, content), OpenConfig{})
		all, err := ReadAll(f)
		if len(all) != 2 || err != nil || f.Records() != 2 {
			t.Errorf("%s: %d packets, %v", name, len(all), err)
		}
	}
}

// Every error says which file it is about, and where it goes wrong.
func TestOpenErrors(t *testing.T) {
	file, first := twoPackets(t)
	dir := t.TempDir()
	text := onDisk(t, []byte("not a capture"))
	for path, says := range map[string]string{
		filepath.Join(dir, "absent"): "no such file",
		dir:                          "is a directory",
		text:                         "not a capture file",
	} {
		if _, err := Open(path, OpenConfig{}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %q and %s", err, says, path)
		}
	}
	path := onDisk(t, file[:len(file)-1])
	all, err := ReadAll(mustOpen(t, path, OpenConfig{}))
	var where *ReadError
	if len(all) != 1 || !errors.As(err, &where) || where.Name != path || where.Offset != int64(first) || where.Packet != 2 {
		t.Errorf("%d packets, %v", len(all), err)
	}
}

// Standard input is read like a file, compressed or not, and left open.
func TestOpenStandardInput(t *testing.T) {
	file, _ := twoPackets(t)
	stdin := os.Stdin
	defer func() { os.Stdin = stdin }()
	for name, content := range map[string][]byte{"plain": file, "gzip": gzipped(t, file)} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		os.Stdin = r
		go func() {
			w.Write(content)
			w.Close()
		}()
		f := mustOpen(t, StandardInput, OpenConfig{Stop: make(chan struct{})})
		all, err := ReadAll(f)
		if len(all) != 2 || err != nil {
			t.Errorf("%s: %d packets, %v", name, len(all), err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: standard input was closed: %v", name, err)
		}
	}
}

// following reads a file that grows: it opens path and hands each packet over.
func following(t *testing.T, path string, stop <-chan struct{}) (packets <-chan Packet, end <-chan error) {
	t.Helper()
	out, failed := make(chan Packet), make(chan error, 1)
	go func() {
		f, err := Open(path, OpenConfig{Follow: true, Stop: stop, Poll: time.Millisecond})
		if err != nil {
			failed <- err
			return
		}
		defer f.Close()
		for {
			p, err := f.Next()
			if err != nil {
				failed <- err
				return
			}
			out <- p.Clone()
		}
	}()
	return out, failed
}

func grow(t *testing.T, path string, more []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(more); err != nil {
		t.Fatal(err)
	}
}

// await waits for a packet of a followed file.
func await(t *testing.T, packets <-chan Packet, end <-chan error) Packet {
	t.Helper()
	select {
	case p := <-packets:
		return p
	case err := <-end:
		t.Fatalf("following ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("no packet in 20 s")
	}
	panic("unreachable")
}

func awaitEnd(t *testing.T, end <-chan error) error {
	t.Helper()
	select {
	case err := <-end:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("following did not end in 20 s")
	}
	panic("unreachable")
}

// A file that is empty so far is followed from its first byte
// to where it is stopped, records arriving in pieces.
func TestFollow(t *testing.T) {
	file, first := twoPackets(t)
	path := onDisk(t, nil)
	stop := make(chan struct{})
	packets, end := following(t, path, stop)
	grow(t, path, file[:10])
	grow(t, path, file[10:first])
	if p := await(t, packets, end); len(p.Data) != 40 {
		t.Errorf("the first packet has %d bytes", len(p.Data))
	}
	grow(t, path, file[first:first+30])
	grow(t, path, file[first+30:])
	if p := await(t, packets, end); len(p.Data) != 60 {
		t.Errorf("the second packet has %d bytes", len(p.Data))
	}
	grow(t, path, file[first:first+30]) // half a packet at the end
	close(stop)
	if err := awaitEnd(t, end); err != io.EOF {
		t.Errorf("%v, want io.EOF", err)
	}
}

// A gzipped file is followed as far as its writer has flushed it.
func TestFollowGzip(t *testing.T) {
	file, first := twoPackets(t)
	path := onDisk(t, nil)
	stop := make(chan struct{})
	packets, end := following(t, path, stop)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for i, part := range [][]byte{file[:first], file[first:]} {
		if _, err := z.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			t.Fatal(err)
		}
		grow(t, path, packed.Bytes())
		packed.Reset()
		if p := await(t, packets, end); len(p.Data) != []int{40, 60}[i] {
			t.Errorf("packet %d has %d bytes", i, len(p.Data))
		}
	}
	close(stop) // without gzip's checksum
	if err := awaitEnd(t, end); err != io.EOF {
		t.Errorf("%v, want io.EOF", err)
	}
}

func TestFollowNoticesReplacement(t *testing.T) {
	file, first := twoPackets(t)
	for name, replace := range map[string]func(t *testing.T, path string){
		"truncated": func(t *testing.T, path string) {
			if err := os.Truncate(path, pcapHeader); err != nil {
				t.Fatal(err)
			}
		},
		"rotated": func(t *testing.T, path string) {
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := onDisk(t, file[:first])
			packets, end := following(t, path, nil)
			await(t, packets, end)
			replace(t, path)
			if err := awaitEnd(t, end); !errors.Is(err, ErrReplaced) {
				t.Errorf("%v, want ErrReplaced", err)
			}
		})
	}
}

// What was written to a file before it was rotated is read.
func TestFollowReadsToTheEndOfARotatedFile(t *testing.T) {
	file, first := twoPackets(t)
	path := onDisk(t, file[:first])
	f := mustOpen(t, path, OpenConfig{Follow: true})
	if _, err := f.Next(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	grow(t, path+".1", file[first:])
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := f.Next(); err != nil || len(p.Data) != 60 {
		t.Errorf("%d bytes, %v", len(p.Data), err)
	}
	if _, err := f.Next(); !errors.Is(err, ErrReplaced) {
		t.Errorf("%v, want ErrReplaced", err)
	}
}
