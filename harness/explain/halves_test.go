package explain_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// TestReadInHalves: what two goroutines make of a file comes to what one makes of it that
// counts each connection at once: of a busy capture, from its beginning and cut in the middle
// of a packet, of one that has all packets twice, of one with ICMP errors, and of small ones
// without handshakes or with silences. What is not for two is noticed: tunnels, fragments,
// extension headers, gaps in time; and packets that are mostly data are read once.
func TestReadInHalves(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	made := func(cfg capturetest.Config) []byte {
		cfg.Seed, cfg.LostFINs = 3, 2
		var file bytes.Buffer
		if _, err := capturetest.Write(&file, cfg); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	packets := 0
	some := func(other func([]byte) []byte) func([]byte) [][]byte { // now and then, from the middle on
		packets = 0
		return func(p []byte) [][]byte {
			if packets++; packets > 1000 && packets%7 == 0 {
				return [][]byte{p, other(p)}
			}
			return [][]byte{p}
		}
	}
	busy := capturetest.Config{Connections: 1500, SnapLen: 128}
	whole := map[string][]byte{
		"busy": made(busy), "cut": made(busy)[:300_001],
		"twice": made(capturetest.Config{Connections: 500, SnapLen: 128, Twice: true}),
		"IPv6":  made(capturetest.Config{Connections: 500, SnapLen: 128, IPv6: 50}),
		"ICMP":  rewritten(t, busy, some(unreachable)).Bytes(),
	}
	paths, err := filepath.Glob(filepath.Join("testdata", "cases", "*.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	odd := map[string][]byte{
		"fragments": made(capturetest.Config{Connections: 300, MTU: 600}),
		"data":      made(capturetest.Config{Connections: 300, Response: 200_000}),
		"gaps":      made(capturetest.Config{Connections: 300, SnapLen: 128, Gap: 3 * explain.LeapAfter}),
		"extension": rewritten(t, capturetest.Config{Connections: 300, SnapLen: 128, IPv6: 100}, some(withOptions)).Bytes(),
		"tunnels":   rewritten(t, busy, some(func(p []byte) []byte { return inGRE(p, 7) })).Bytes(),
	}
	compare := func(name string, file []byte) (two bool) {
		t.Helper()
		path := write(t, file)
		inHalves, two := summaryOf(t, path, explain.Options{})
		atOnce, one := summaryOf(t, path, explain.Options{Each: func(*explain.Connection) error { return nil }})
		if inHalves != atOnce || one {
			t.Errorf("%s in halves\n%s\nat once\n%s", name, inHalves, atOnce)
		}
		return two
	}
	for name, file := range whole {
		if !compare(name, file) {
			t.Errorf("%s was not read in halves", name)
		}
	}
	for name, file := range odd {
		if compare(name, file) {
			t.Errorf("%s was read in halves", name)
		}
	}
	for seed := range uint64(12) { // all before a gap in one lane, and all after it in the other
		var file bytes.Buffer
		if _, err := capturetest.Write(&file, capturetest.Config{Seed: seed, Connections: 2, SnapLen: 128, Gap: 3 * explain.LeapAfter}); err != nil {
			t.Fatal(err)
		}
		compare("two connections, "+strconv.FormatUint(seed, 10), file.Bytes())
	}
	for _, p := range paths {
		file, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		compare(p, file)
	}
}

// withOptions puts an empty header of options between IPv6 and TCP (RFC 8200 4.6).
func withOptions(p []byte) []byte {
	q := append(append(bytes.Clone(p[:40]), 6, 0, 1, 4, 0, 0, 0, 0), p[40:]...)
	q[6] = 60
	binary.BigEndian.PutUint16(q[4:], binary.BigEndian.Uint16(p[4:])+8)
	return q
}

// TestBoundsInHalves: where bounds are met, what is given up is the same again.
func TestBoundsInHalves(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	var flood bytes.Buffer
	if _, err := capturetest.Write(&flood, capturetest.Config{Seed: 5, Connections: 70_000, SnapLen: 96, Gap: time.Microsecond}); err != nil {
		t.Fatal(err)
	}
	file := write(t, flood.Bytes())
	inHalves, two := summaryOf(t, file, explain.Options{})
	atOnce, _ := summaryOf(t, file, explain.Options{Each: func(*explain.Connection) error { return nil }})
	if inHalves != atOnce || !two {
		t.Errorf("in halves (%v) %d bytes\n%.2000s\nat once\n%.2000s", two, flood.Len(), inHalves, atOnce)
	}
}

func write(t *testing.T, capture []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(path, capture, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// summaryOf explains a capture, and tells whether two read it.
func summaryOf(t *testing.T, path string, opt explain.Options) (text string, two bool) {
	t.Helper()
	f, err := capture.Open(path, capture.OpenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := explain.New(opt)
	a.SetLongFile(1)
	if err := a.ReadAll(f); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	sum.SkippedRecords(f.Skipped(), f.SkippedKinds())
	doc, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc), a.InHalves()
}
