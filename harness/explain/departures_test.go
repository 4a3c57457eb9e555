package explain

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
)

// TestCountedBeside: what is counted in a goroutine of its own comes to the same as what is
// counted at once: of a busy capture, from its beginning and from its middle, and of small
// ones without handshakes, with silences, tunnels and ICMP errors.
func TestCountedBeside(t *testing.T) {
	var busy bytes.Buffer
	if _, err := capturetest.Write(&busy, capturetest.Config{Seed: 3, Connections: 1500, LostFINs: 2, SnapLen: 128}); err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"busy": busy.Bytes()}
	paths, err := filepath.Glob(filepath.Join("testdata", "cases", "*.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if all[p], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	for name, file := range all {
		for _, skip := range []int{0, 3} {
			beside, atOnce := summaryOf(t, file, skip, false), summaryOf(t, file, skip, true)
			if beside != atOnce {
				t.Errorf("%s without %d packets: counted beside\n%s\nat once\n%s", name, skip, beside, atOnce)
			}
		}
	}
}

// summaryOf explains a capture without its first packets.
func summaryOf(t *testing.T, file []byte, skip int, atOnce bool) string {
	t.Helper()
	r, err := capture.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for range skip {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	opt := Options{}
	if atOnce {
		opt.Each = func(*Connection) error { return nil }
	}
	a := New(opt)
	if err := a.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
