package explain_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// FuzzPath: whatever two files hold, the difference adds up, is written down, and is
// none between a file and itself.
func FuzzPath(f *testing.F) {
	var files [][]byte
	for i := range 4 {
		cfg := capturetest.Config{Seed: uint64(i % 2), Connections: 4, LostFINs: 30, Response: 3000, IPv6: 30, SnapLen: 90}
		if i > 1 {
			cfg.Format, cfg.MTU = capturetest.Pcapng, 600
		}
		var file bytes.Buffer
		if _, err := capturetest.Write(&file, cfg); err != nil {
			f.Fatal(err)
		}
		files = append(files, file.Bytes())
	}
	f.Add(files[0], files[1])
	f.Add(files[0], files[2])
	f.Add(files[1], files[3][:len(files[3])*2/3])
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if d := diffOfFiles(t, a, b); d != nil {
			checkPath(t, d)
		}
		if d := diffOfFiles(t, a, a); d != nil && d.Matched > 0 && (d.Differing > 0 || !d.LossFree || !d.Unchanged || len(d.Alone) > 0) {
			t.Errorf("differs from itself: %+v %+v %+v", d.Ways, d.Changes, d.Alone)
		}
	})
}

type file struct{ *capture.Reader }

func (file) Close() error { return nil }

// diffOfFiles is nil where one is refused.
func diffOfFiles(t *testing.T, a, b []byte) *explain.PathDiff {
	var s [2]*explain.Survey
	var open [2]explain.Opener
	for i, data := range [][]byte{a, b} {
		open[i] = func() (explain.PathSource, error) {
			r, err := capture.NewReader(bytes.NewReader(data))
			return file{r}, err
		}
		src, err := open[i]()
		if err != nil {
			return nil
		}
		if s[i], err = explain.NewSurvey(src, "x"); err != nil {
			return nil
		}
	}
	d, err := explain.ComparePath(s[0], s[1], open[0], open[1])
	if err != nil {
		t.Fatalf("read once, and not twice: %v", err)
	}
	return d
}

func checkPath(t *testing.T, d *explain.PathDiff) {
	if err := explain.WritePathDiff(io.Discard, d, explain.Look{Color: true, Columns: 40}); err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(d); err != nil {
		t.Fatal(err)
	}
	by := 0
	for _, n := range d.MatchedBy {
		by += n
	}
	if by != d.Matched || d.Matched+d.A.Alone+len(d.Proxied) != d.A.Connections || d.Matched+d.B.Alone+len(d.Proxied) != d.B.Connections {
		t.Errorf("%d matched (%d), %d proxied, alone %d of %d, %d of %d", d.Matched, by, len(d.Proxied),
			d.A.Alone, d.A.Connections, d.B.Alone, d.B.Connections)
	}
	for _, w := range d.Ways {
		for _, c := range []explain.PathCount{w.Sent, w.Lost, w.Added} {
			if c.Segments != c.Data+c.ACK+c.SYN+c.FIN+c.RST || c.Segments < 0 || c.FINACK > c.ACK {
				t.Errorf("%+v", c)
			}
		}
	}
}
