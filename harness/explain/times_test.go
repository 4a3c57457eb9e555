package explain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// rewriteTimes is a pcapng file of a made capture with other times.
func rewriteTimes(t *testing.T, cfg capturetest.Config, when func(n int, at time.Time) time.Time) []byte {
	t.Helper()
	var made, out bytes.Buffer
	if _, err := capturetest.Write(&made, cfg); err != nil {
		t.Fatal(err)
	}
	r, err := capture.NewReader(&made)
	if err != nil {
		t.Fatal(err)
	}
	w, err := capture.NewWriter(&out, capture.WriterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		p.Time = when(n, p.Time)
		if err := errors.Join(err, w.Write(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestClockOfOnePacket: a packet now and then that is decades off splits no connection and
// makes no gap, whether one or two read the file.
func TestClockOfOnePacket(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	cfg := capturetest.Config{Seed: 5, Connections: 200, SnapLen: 128}
	var plain, text [2]string
	leaps := func(n int, at time.Time) time.Time {
		if n%50 == 2 && n < 2000 {
			return at.AddDate(20-40*(n%100/50), 0, 0) // before 1970 is not written
		}
		return at
	}
	for i, opt := range []explain.Options{{}, {Each: func(*explain.Connection) error { return nil }}} {
		var two bool
		plain[i], _ = summaryOf(t, write(t, rewriteTimes(t, cfg, func(_ int, at time.Time) time.Time { return at })), opt)
		if text[i], two = summaryOf(t, write(t, rewriteTimes(t, cfg, leaps)), opt); two != (i == 0) {
			t.Errorf("two readers: %v", two)
		}
	}
	var was, is explain.Summary
	if err := errors.Join(json.Unmarshal([]byte(plain[0]), &was), json.Unmarshal([]byte(text[0]), &is)); err != nil {
		t.Fatal(err)
	}
	if text[0] != text[1] || was.Connections != is.Connections || !was.End.Equal(is.End) {
		t.Errorf("%d connections until %v, without the leaps %d until %v; one reader says\n%s, two\n%s", is.Connections, is.End, was.Connections, was.End, text[1], text[0])
	}
	if len(is.Warnings) != len(was.Warnings)+1 || !strings.Contains(is.Warnings[len(is.Warnings)-1], "stamped over 24 h off") {
		t.Errorf("warnings %q", is.Warnings)
	}
}

// TestJSONOfPacketsWithoutTime: whatever has no time, the document is whole.
func TestJSONOfPacketsWithoutTime(t *testing.T) {
	for name, when := range map[string]func(n int, at time.Time) time.Time{
		"all":      func(int, time.Time) time.Time { return time.Time{} },
		"last":     func(n int, at time.Time) time.Time { return map[bool]time.Time{true: at}[n < 200] },
		"first":    func(n int, at time.Time) time.Time { return map[bool]time.Time{true: at}[n > 200] },
		"now":      func(n int, at time.Time) time.Time { return map[bool]time.Time{true: at}[n%7 != 0] },
		"negative": func(n int, at time.Time) time.Time { return at.AddDate(-80*(n%2), 0, 0) },
	} {
		src := &timed{when: when}
		var made bytes.Buffer
		if _, err := capturetest.Write(&made, capturetest.Config{Seed: 5, Connections: 40}); err != nil {
			t.Fatal(err)
		}
		var err error
		if src.Source, err = capture.NewReader(&made); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		j := explain.NewJSON(&out)
		a := explain.New(explain.Options{Each: j.Each, Lines: true})
		if err := a.ReadAll(src); err != nil {
			t.Fatal(err)
		}
		sum, err := a.Summary()
		if err := errors.Join(err, j.Close(sum)); err != nil || !json.Valid(out.Bytes()) {
			t.Errorf("%s: %v, %.200s", name, err, out.String())
		}
	}
}

// timed is a source with other times.
type timed struct {
	capture.Source
	when func(n int, at time.Time) time.Time
	n    int
}

func (s *timed) Next() (capture.Packet, error) {
	p, err := s.Source.Next()
	s.n++
	p.Time = s.when(s.n, p.Time)
	return p, err
}
