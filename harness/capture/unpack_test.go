package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// packWith compresses with the library of that name.
func packWith(t testing.TB, name string, b []byte) []byte {
	t.Helper()
	if name == "gzip" {
		return gzipped(t, b)
	}
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch name {
	case "zstd":
		w, err = zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	case "lz4":
		w = lz4.NewWriter(&out)
	case "xz":
		w, err = xz.NewWriter(&out)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The programs people compress with write what is read here.
func TestCompressed(t *testing.T) {
	file := pcapFile(binary.LittleEndian, 0xa1b2c3d4, 101, unhex(t, synHex), unhex(t, fin6Hex))
	_, want := mustRead(t, file)
	dir := t.TempDir()
	plain := filepath.Join(dir, "x.pcap")
	if err := os.WriteFile(plain, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range packers {
		t.Run(p.name, func(t *testing.T) {
			_, all := mustRead(t, packWith(t, p.name, file))
			samePackets(t, all, want)
			if p.name == "lz4" { // which would write to standard output
				tool(t, p.name, "-q", plain, plain+".lz4")
			} else {
				tool(t, p.name, "-k", "-q", plain)
			}
			packed, err := filepath.Glob(plain + ".*")
			if err != nil || len(packed) != 1 {
				t.Fatal(packed, err)
			}
			samePackets(t, readAllOf(t, packed[0]), want)
			if err := os.Remove(packed[0]); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What is cut off or damaged is said, and what is before it is read; a failure of
// the disk is none of the compression's.
func TestCompressedDamage(t *testing.T) {
	var frames [][]byte
	for n := range 200 {
		frames = append(frames, udp4(uint16(n), bytes.Repeat([]byte{byte(n), byte(n * n)}, 200)))
	}
	file := pcapFile(binary.LittleEndian, 0xa1b2c3d4, 101, frames...)
	broken := errors.New("the disk broke")
	for _, p := range packers {
		packed := packWith(t, p.name, file)
		half := packed[:len(packed)/2]
		for name, tt := range map[string]struct {
			src  io.Reader
			want error
		}{
			"cut":     {bytes.NewReader(half), io.ErrUnexpectedEOF},
			"flipped": {bytes.NewReader(flip(packed, len(packed)/2)), ErrMalformed},
			"disk":    {io.MultiReader(bytes.NewReader(half), iotest.ErrReader(broken)), broken},
		} {
			r, err := NewReader(tt.src)
			for err == nil {
				_, err = r.Next()
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("%s, %s: %v, want %v", p.name, name, err, tt.want)
			}
		}
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x55
	return b
}

// greedy are files that ask for more memory than they get, of each kind that can.
func greedy(t testing.TB, file []byte) map[string][]byte {
	t.Helper()
	small := packWith(t, "xz", file)
	big := bytes.Clone(small)
	// The block's header follows the 12 bytes of the stream's, and ends with its own
	// checksum: size, flags, filter, length of what is about it, dictionary (40 is 4 GiB).
	header := big[12 : 12+4*(int(big[12])+1)]
	header[bytes.Index(header, []byte{0x21, 1})+2] = 40
	binary.LittleEndian.PutUint32(header[len(header)-4:], crc32.ChecksumIEEE(header[:len(header)-4]))
	// A frame of unknown size with the largest window, and a block of one byte.
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 9, 0, 0, 'x'}
	return map[string][]byte{
		"xz": big, "xz, later": append(small, big...), "zstd": frame, "zstd, later": append(packWith(t, "zstd", file), frame...),
	}
}

// What asks for much memory gets none, and the error says how to read it.
func TestCompressedMemory(t *testing.T) {
	file := pcapFile(binary.LittleEndian, magicMicros, 101, unhex(t, synHex), unhex(t, fin6Hex))
	for name, packed := range greedy(t, file) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, packed, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Open(path, OpenConfig{})
		packets := 0
		for ; err == nil; packets++ {
			_, err = f.Next()
		}
		runtime.ReadMemStats(&after)
		kind, _, _ := strings.Cut(name, ",")
		if got := after.TotalAlloc - before.TotalAlloc; got > 2*maxWindow {
			t.Errorf("%s: it takes %d MiB", name, got>>20)
		}
		if text := fmt.Sprint(err); !errors.Is(err, ErrMemory) || !strings.Contains(text, path) || !strings.Contains(text, kind+" -dc") || !strings.Contains(text, "| lastack explain -") {
			t.Errorf("%s: %v", name, err)
		}
		if want := strings.Contains(name, "later"); (packets > 2) != want {
			t.Errorf("%s: %d packets before", name, packets-1)
		}
	}
}

// What xz -9 and zstd --ultra write is within the bound.
func TestCompressedBest(t *testing.T) {
	file := pcapFile(binary.LittleEndian, magicMicros, 101, unhex(t, synHex), unhex(t, fin6Hex))
	_, want := mustRead(t, file)
	plain := filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(plain, file, 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "xz", "-k", "-9e", plain)
	samePackets(t, readAllOf(t, plain+".xz"), want)
	tool(t, "zstd", "-q", "-k", "--ultra", "-22", "--long=27", plain)
	samePackets(t, readAllOf(t, plain+".zst"), want)
}

// FuzzCompressed damages a file that one of the libraries has compressed.
func FuzzCompressed(f *testing.F) {
	file := pcapFile(binary.LittleEndian, magicMicros, 101, unhex(f, synHex), unhex(f, fin6Hex))
	for n := range packers {
		f.Add(uint8(n), file, uint16(0), uint16(30), byte(1))
	}
	f.Fuzz(func(t *testing.T, kind uint8, file []byte, cut, at uint16, change byte) {
		packed := packWith(t, packers[int(kind)%len(packers)].name, file)
		packed = packed[:len(packed)-min(int(cut), len(packed))]
		if int(at) < len(packed) && at > 16 {
			packed[at] ^= change
		}
		mustSurvive(t, packed, 1<<40)
	})
}
