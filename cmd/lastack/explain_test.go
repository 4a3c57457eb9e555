package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lastack/harness/capture/capturetest"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScriptExplain runs the scripts of explain and diff on generated captures:
// mixed.pcap has a thousand connections, cut.pcap ends in the middle of a packet,
// damaged.pcap is nonsense from a place on, and three.pcap, same.pcapng, four.pcap
// have one connection each.
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
		content := map[string][]byte{name: file.Bytes()}
		if name == "mixed.pcap" {
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

// damaged is a capture whose second half is all ones: a record of 4 GB.
func damaged(b []byte) []byte {
	b = bytes.Clone(b)
	for i := len(b) / 2; i < len(b); i++ {
		b[i] = 0xff
	}
	return b
}
