package capture

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastack/stack/segment"
)

// Captures of one connection that closes in four segments, over links and in
// formats of many kinds: the client's and the server's FIN are found in each.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f := mustOpen(t, path, OpenConfig{})
			segments := NewSegments(f, SegmentsConfig{})
			connections, fins := map[segment.Tuple]bool{}, 0
			for {
				_, s, err := segments.Next()
				if err != nil {
					break
				}
				tuple, _ := s.Tuple.Canonical()
				connections[tuple] = true
				if s.Flags.Has(segment.FIN) {
					fins++
				}
			}
			if len(connections) != 1 || fins != 2 || f.Skipped().Total() != 0 {
				t.Errorf("connections %v, %d FINs, skipped %+v, %v", connections, fins, f.Skipped(), segments.Stats())
			}
		})
	}
}

// A record that claims more captured than original bytes is read whole.
func TestCapturedMoreThanOriginal(t *testing.T) {
	le, syn := binary.LittleEndian, unhex(t, synHex)
	block := packetBlock(le, 0, at(0), syn)
	le.PutUint32(block[24:], 10)
	for name, file := range map[string][]byte{
		"pcap":   appendRecord(le, pcapFile(le, magicMicros, 101), 0, len(syn), 10, syn),
		"pcapng": join(sectionBlock(le), interfaceBlock(le, 101, "i"), block),
	} {
		_, all := mustRead(t, file)
		if len(all) != 1 || len(all[0].Data) != len(syn) || all[0].OrigLen != len(syn) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// Before 2.4 libpcap wrote the two lengths of a record in the other order.
func TestPcapSwappedLengths(t *testing.T) {
	le, syn := binary.LittleEndian, unhex(t, synHex)
	file := appendRecord(le, pcapFile(le, magicMicros, 101), 0, len(syn), 30, syn[:30])
	file[6] = 2
	_, all := mustRead(t, file)
	if len(all) != 1 || len(all[0].Data) != 30 || all[0].OrigLen != len(syn) {
		t.Errorf("%+v", all)
	}
}

// snoopFile writes a snoop file by hand: version, link, records.
func snoopFile(version, link uint32, records ...[]byte) []byte {
	be := binary.BigEndian
	b := be.AppendUint32([]byte("snoop\x00\x00\x00"), version)
	b = be.AppendUint32(b, link)
	for i, r := range records {
		pad := -len(r) & 3
		for _, n := range []int{len(r), len(r), 24 + len(r) + pad, 0, 1700000000 + i, 123456} {
			b = be.AppendUint32(b, uint32(n))
		}
		b = append(append(b, r...), make([]byte, pad)...)
	}
	return b
}

func TestSnoop(t *testing.T) {
	frame := join(unhex(t, eth+"0800"), unhex(t, synHex))
	r, all := mustRead(t, snoopFile(2, 4, frame, frame[:20], frame[:14]))
	want := time.Unix(1700000001, 123456000)
	if len(all) != 2 || !all[1].Time.Equal(want) || len(all[1].Data) != 6 || r.Skipped().Short != 1 {
		t.Errorf("%+v, %+v", all, r.Skipped())
	}
	if ifs := r.Interfaces(); len(ifs) != 1 || ifs[0].Link != "EN10MB (Ethernet)" {
		t.Errorf("%v", ifs)
	}
	good := snoopFile(2, 4, frame)
	for name, tt := range map[string]struct {
		file []byte
		want error
	}{
		"version 1":        {snoopFile(1, 4), ErrFormat},
		"no snoop":         {[]byte("snooping around is no capture"), ErrFormat},
		"another link":     {snoopFile(2, 5), ErrLinkType},
		"record of length": {flip(good, 16+11), ErrMalformed},
		"more captured":    {flip(good, 16+5), ErrMalformed},
	} {
		r, err := NewReader(strings.NewReader(string(tt.file)))
		if err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// Every name that tcpdump -L could print is there once.
func TestLinkNames(t *testing.T) {
	seen := map[string]bool{}
	for number, names := range linkNames {
		if names[0] == "" || seen[names[0]] && names[0] != "RAW" {
			t.Errorf("%d: %q", number, names)
		}
		seen[names[0]] = true
	}
	if got := linkName(65000); got != "link type 65000" {
		t.Error(got)
	}
}
