package explain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastack/harness/capture"
)

// script is a live source whose packets and errors are written down.
type script struct {
	events []any // time.Duration: a packet at that time; error: what Next returns
	stats  capture.Stats
	now    time.Time // moves on by a second with each ErrIdle
}

var begin = time.Unix(1_700_000_000, 0).UTC()

func (s *script) Next() (capture.Packet, error) {
	if len(s.events) == 0 {
		return capture.Packet{}, io.EOF
	}
	e := s.events[0]
	s.events = s.events[1:]
	if err, ok := e.(error); ok {
		if err == capture.ErrIdle {
			s.now = s.now.Add(time.Second)
		}
		return capture.Packet{}, err
	}
	s.now = begin.Add(e.(time.Duration))
	return capture.Packet{Time: s.now, Data: []byte{0x45, 0, 0, 20, 0, 0, 0, 0, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}}, nil
}

func (s *script) Stats() capture.Stats { return s.stats }

func (s *script) SkippedKinds() []capture.Kind {
	return []capture.Kind{{Name: "ARP", Packets: int(s.stats.NonIP)}}
}

// idle is n times that nothing came for a second.
func idle(n int) []any { return slices.Repeat([]any{capture.ErrIdle}, n) }

// TestWatchTicks: by the times of packets and of silence, never both.
func TestWatchTicks(t *testing.T) {
	at := func(s ...int) (all []any) {
		for _, n := range s {
			all = append(all, time.Duration(n)*time.Second)
		}
		return all
	}
	for name, tt := range map[string]struct {
		events []any
		want   []int
	}{
		"busy":                 {at(0, 1, 5, 9, 10, 11, 19, 20, 29), []int{10, 20}},
		"late packet":          {at(0, 35, 36, 45), []int{35, 45}},
		"silence":              {append(at(0), idle(25)...), []int{10, 20}},
		"silence, then packet": {append(append(at(0), idle(12)...), at(13, 21)...), []int{10, 21}},
		"nothing ever":         {idle(11), []int{11}},
	} {
		src := &script{events: tt.events, now: begin}
		var got []int
		w := &Watch{Live: src, Every: 10 * time.Second, Now: func() time.Time { return src.now }}
		w.Tick = func(t time.Time) { got = append(got, int(t.Sub(begin)/time.Second)) }
		if _, err := capture.ReadAll(w); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: ticks at %v, want %v", name, got, tt.want)
		}
	}
}

// TestWatchTroubles: an interface that goes down is waited for, one that is removed ends
// the capture, other errors are passed on; drops and what is not IP are in the Summary.
func TestWatchTroubles(t *testing.T) {
	down := fmt.Errorf("record x: %w", syscall.ENETDOWN)
	gone := fmt.Errorf("record x: %w: %w", capture.ErrInterfaceGone, syscall.ENETDOWN)
	src := &script{now: begin, stats: capture.Stats{NonIP: 3, Dropped: 1234}}
	src.events = []any{time.Duration(0), down, capture.ErrIdle, down, time.Second * 30, gone, time.Second * 40}
	var said []string
	w := &Watch{
		Live: src, Name: "x", Every: 10 * time.Second, Tick: func(time.Time) {}, Now: func() time.Time { return src.now },
		Trouble: func(what string) { said = append(said, what) },
	}
	a := New(Options{Closed: func(*Connection) error { return nil }})
	if err := a.ReadAll(w); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	w.Finish(sum)
	want := []string{"x went down; waiting", "the kernel drops packets", "x was removed"}
	if len(said) != len(want) {
		t.Errorf("said %q", said)
	}
	for i := range min(len(said), len(want)) {
		if !strings.HasPrefix(said[i], want[i]) {
			t.Errorf("said %q, want %q", said[i], want[i])
		}
	}
	all := strings.Join(sum.Warnings, "\n")
	for _, want := range []string{"x went down; waiting", "x was removed", "x went down 2 times", "1,234 packets were dropped by the kernel"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning %q in\n%s", want, all)
		}
	}
	var doc bytes.Buffer
	j := NewJSON(&doc)
	if err := j.Close(sum); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Dropped, Packets int
		Live             bool
		NotIP            int `json:"not_ip"`
	}
	if err := json.Unmarshal(doc.Bytes(), &got); err != nil || got.Dropped != 1234 || !got.Live || got.NotIP != 3 || got.Packets != 5 {
		t.Errorf("JSON: %+v, %v", got, err)
	}
	broken := errors.New("broken")
	if _, err := capture.ReadAll(&Watch{Live: &script{events: []any{broken}}}); err != broken {
		t.Errorf("another error: %v", err)
	}
	if all, err := capture.ReadAll(&Watch{Live: &script{events: []any{time.Duration(0), &capture.DropError{Packets: 5}}}}); err != nil || len(all) != 1 {
		t.Errorf("drops at the end: %d packets, %v", len(all), err)
	}
}

// TestWatchRecords: packets are kept as they come, and written out soon; a recording that
// fails is said once, and ends nothing.
func TestWatchRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcapng")
	r, err := capture.NewRecorder(capture.RecordConfig{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	src := &script{now: begin, events: append([]any{time.Duration(0), time.Millisecond}, idle(2)...)}
	w := &Watch{Live: src, Record: r, Now: func() time.Time { return src.now }}
	all, err := capture.ReadAll(w)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d packets, %v", len(all), err)
	}
	// Before Finish: the silence had them written out.
	if kept := packetsOf(t, path); len(kept) != 2 || !kept[0].Time.Equal(begin) {
		t.Errorf("kept %v", kept)
	}
	var sum Summary
	if w.Finish(&sum); len(sum.Warnings) > 0 {
		t.Errorf("warnings %q", sum.Warnings)
	}
	// The folder of the next file goes away.
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	broken := &Watch{Live: &script{now: begin, events: slices.Repeat([]any{time.Duration(0)}, 40_000)}, Now: func() time.Time { return begin }}
	if broken.Record, err = capture.NewRecorder(capture.RecordConfig{Path: filepath.Join(dir, "x"), Size: capture.MinRecordSize}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if all, err := capture.ReadAll(broken); err != nil || len(all) != 40_000 {
		t.Errorf("%d packets, %v", len(all), err)
	}
	broken.Finish(&sum)
	if len(sum.Warnings) != 1 || !strings.HasPrefix(sum.Warnings[0], "no more packets are kept, and the analysis goes on: open "+dir) {
		t.Errorf("warnings %q", sum.Warnings)
	}
}

func packetsOf(t *testing.T, path string) []capture.Packet {
	t.Helper()
	f, err := capture.Open(path, capture.OpenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := capture.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestAnnotatorGrows: an interface that a live capture comes to know later is named.
func TestAnnotatorGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcapng")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	names := []string{"a"}
	src := &looking{Source: &script{events: []any{time.Duration(0), time.Second, 2 * time.Second}}, every: 1}
	src.look = func() { names = []string{"a", "b", "c"}[:min(src.n, 3)] }
	n := NewAnnotator(numbered{src}, out, func() []string { return names })
	n.Grow = true
	if _, err := capture.ReadAll(n); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := capture.Open(path, capture.OpenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := capture.ReadAll(f)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d packets, %v", len(all), err)
	}
	for i, p := range all {
		if got := f.Interfaces()[p.Interface].Name; got != names[i] {
			t.Errorf("packet %d is of %s, want %s", i, got, names[i])
		}
	}
}

// numbered gives each packet an interface of its own.
type numbered struct{ *looking }

func (n numbered) Next() (capture.Packet, error) {
	p, err := n.looking.Next()
	p.Interface = n.n - 1
	return p, err
}
