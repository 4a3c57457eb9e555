package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"lastack/harness/capture/capturetest"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScriptExplain runs the scripts of explain and diff on generated captures:
// mixed.pcap has a thousand connections, cut.pcap ends in the middle of a packet,
// damaged.pcap is nonsense from a place on, and three.pcap, same.pcapng, four.pcap
// have one connection each; later.pcap is mixed.pcap by a clock half a second ahead, and
// lossy.pcap does not have every tenth packet of it; skipped.pcap has an ARP and a UDP packet beside a RST,
// and unread.pcap is of a link that is not read.
func TestScriptExplain(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/explain",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			return writeCaptures(e.WorkDir)
		},
	})
}

// writeCaptures writes the captures into a folder.
func writeCaptures(dir string) error {
	one := func(seed uint64, k capturetest.Kind, f capturetest.Format) capturetest.Config {
		return capturetest.Config{Seed: seed, Connections: 1, Kinds: []capturetest.Kind{k}, Format: f}
	}
	for name, cfg := range map[string]capturetest.Config{
		"mixed.pcap":  {Seed: 1, LostFINs: 20},
		"three.pcap":  one(3, capturetest.ThreeWay, capturetest.PcapNano),
		"same.pcapng": one(3, capturetest.ThreeWay, capturetest.Pcapng),
		"four.pcap":   one(4, capturetest.FourWay, capturetest.Pcap),
	} {
		var file bytes.Buffer
		if _, err := capturetest.Write(&file, cfg); err != nil {
			return err
		}
		content := map[string][]byte{name: file.Bytes(), "skipped.pcap": skipped(), "unread.pcap": append(skipped()[:20:20], 195, 0, 0, 0)}
		if name == "mixed.pcap" {
			content["later.pcap"], content["lossy.pcap"] = later(file.Bytes()), lossy(file.Bytes())
			content["cut.pcap"] = file.Bytes()[:file.Len()-5]
			content["damaged.pcap"] = damaged(file.Bytes())
		}
		for name, b := range content {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// skipped is a capture of frames by hand: ARP, UDP and a RST.
func skipped() []byte {
	hex, err := hex.DecodeString("d4c3b2a1020004000000000000000000ffff000001000000" +
		"00000000000000000e0000000e000000ffffffffffff0200000000020806" +
		"00000000000000002a0000002a0000000200000000010200000000020800" + "4500001c00000000401100000a0000010a000002" + "0035003500080000" +
		"0000000000000000360000003600000002000000000102000000000208004500002800000000400600000a0000010a000002" + "9c4001bb00000001000000005004000000000000")
	if err != nil {
		panic(err)
	}
	return hex
}

// damaged is a capture whose second half is all ones: a record of 4 GB.
func damaged(b []byte) []byte {
	b = bytes.Clone(b)
	for i := len(b) / 2; i < len(b); i++ {
		b[i] = 0xff
	}
	return b
}

// records calls each with the records of a capture in little-endian pcap.
func records(b []byte, each func(n int, record []byte)) {
	const header, recordHeader = 24, 16
	for n, at := 0, header; at < len(b); n++ {
		end := at + recordHeader + int(binary.LittleEndian.Uint32(b[at+8:]))
		each(n, b[at:end])
		at = end
	}
}

func later(b []byte) []byte {
	b = bytes.Clone(b)
	records(b, func(_ int, r []byte) {
		us := binary.LittleEndian.Uint32(r[4:]) + 500_000
		binary.LittleEndian.PutUint32(r, binary.LittleEndian.Uint32(r)+us/1_000_000)
		binary.LittleEndian.PutUint32(r[4:], us%1_000_000)
	})
	return b
}

func lossy(b []byte) []byte {
	out := bytes.Clone(b[:24])
	records(b, func(n int, r []byte) {
		if n%10 != 9 {
			out = append(out, r...)
		}
	})
	return out
}
