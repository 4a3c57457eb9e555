package explain

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
)

// content is the file of a part, as it is and unpacked.
func content(t testing.TB, p *Part) (packed, plain []byte) {
	t.Helper()
	f, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	if packed, err = io.ReadAll(f); err != nil {
		t.Fatal(err)
	}
	gz, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err = io.ReadAll(gz); err != nil {
		t.Fatal(err)
	}
	return packed, plain
}

// TestPartErrors: what is no partial, not whole, of another version or given twice is
// refused, and the error says which it is.
func TestPartErrors(t *testing.T) {
	all := recorded(t, capturetest.Config{Seed: 5, Connections: 40})
	part := partOf(t, all, "a.pcap", Options{})
	filtered := partOf(t, all, "b.pcap", Options{Filter: Filter{Port: 80}})
	packed, plain := content(t, part)
	of := func(b []byte) []*Part { return []*Part{partIn("x.part", b)} }
	for name, tt := range map[string]struct {
		parts []*Part
		want  string
	}{
		"a capture":        {of([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00")), "x.part: this is no partial"},
		"empty":            {of(nil), "x.part: this is no partial"},
		"other JSON":       {of([]byte("{\"findings\":[]}\n")), "this is no partial"},
		"cut, packed":      {of(packed[:len(packed)-20]), "ends too early"},
		"cut, plain":       {of(plain[:bytes.LastIndex(plain, []byte(`{"end"`))]), "ends too early"},
		"another version":  {of(bytes.Replace(plain, []byte(`"version":2`), []byte(`"version":3,"new":3`), 1)), "of version 3, and this lastack reads version 2"},
		"other thresholds": {of(bytes.Replace(plain, []byte(`1s of silence`), []byte(`9s of silence`), 1)), "(CLOSE_WAIT that leaks: 9s of silence there, 1s of silence here)"},
		"a number changed": {of(bytes.Replace(plain, []byte(`"syns":1,`), []byte(`"syns":2,`), 1)), "its sum is not that of its lines"},
		"something after":  {of(append(bytes.Clone(plain), plain...)), "something comes after its end"},
		"packed, and more": {of(append(bytes.Clone(packed), "x"...)), "something comes after its end"},
		"an unknown key":   {of(bytes.Replace(plain, []byte(`{"counts":{`), []byte(`{"counts":{"x":1,`), 1)), `unknown field "x"`},
		"given twice":      {[]*Part{part, partOf(t, all, "copy.pcap", Options{})}, "are of the same packets, and would count twice"},
		"other filters":    {[]*Part{part, filtered}, "b.pcap.part counts close [], hosts [], port 80"},
		"a long line":      {of(append([]byte(`{"header":{"lastack":"explain partial","version":1,"filter":"`), bytes.Repeat([]byte("x"), maxLine)...)), "no partial"},
	} {
		if _, err := MergeParts(fresh(tt.parts), PortRange{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if _, err := MergeParts(of(plain), PortRange{}); err != nil {
		t.Errorf("without gzip: %v", err)
	}
	empty := partOf(t, nil, "e.pcap", Options{})
	if s, err := MergeParts([]*Part{empty, partOf(t, nil, "e.pcap", Options{})}, PortRange{}); err != nil || s.Connections != 0 {
		t.Errorf("captures without packets: %+v %v", s, err)
	}
}

// TestPartTwiceTheSame: the same capture gives the same bytes.
func TestPartTwiceTheSame(t *testing.T) {
	all := recorded(t, capturetest.Config{Seed: 6, Connections: 500})
	a, _ := content(t, partOf(t, all, "a.pcap", Options{}))
	b, _ := content(t, partOf(t, all, "a.pcap", Options{}))
	if !bytes.Equal(a, b) {
		t.Error("the files differ")
	}
}

// shifted are packets at another time, of other hosts.
func shifted(all []capture.Packet, by time.Duration, host byte) (out []capture.Packet) {
	for _, p := range all {
		p.Time, p.Data = p.Time.Add(by), bytes.Clone(p.Data)
		p.Data[13] ^= host // of the source of IPv4
		p.Data[17] ^= host
		out = append(out, p)
	}
	return out
}

// TestPartsInTime: parts of other hosts that overlap, join, or have a gap between them give
// what one run over all the files gives.
func TestPartsInTime(t *testing.T) {
	one := recorded(t, capturetest.Config{Seed: 7, Connections: 400})
	two := recorded(t, capturetest.Config{Seed: 8, Connections: 300})
	files := [][]capture.Packet{shifted(one, 0, 0), shifted(two, 50*time.Millisecond, 16), shifted(one, 20*time.Second, 32), shifted(two, time.Hour, 48), shifted(one, time.Hour, 64)}
	var sources []capture.Source
	var parts []*Part
	for i, f := range files {
		sources = append(sources, &replay{f})
		parts = append(parts, partOf(t, f, string(rune('a'+i)), Options{}))
	}
	a := New(Options{})
	if err := a.ReadAll(NewMerge(sources)); err != nil {
		t.Fatal(err)
	}
	want, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	got, err := MergeParts(parts, PortRange{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(reportOf(t, want), reportOf(t, got)); d != "" {
		t.Errorf("one run -, merged +:\n%s", d)
	}
	if len(want.Warnings) != 1 || !strings.Contains(want.Warnings[0], "there is 1 gap") {
		t.Errorf("%q", want.Warnings)
	}
}

// TestSevered: connections that go on in another part count twice, and that is said.
func TestSevered(t *testing.T) {
	all := recorded(t, capturetest.Config{Seed: 9, Connections: 400})
	parts := []*Part{partOf(t, all[:len(all)/2], "a", Options{}), partOf(t, all[len(all)/2:], "b", Options{})}
	s, err := MergeParts(parts, PortRange{})
	if err != nil {
		t.Fatal(err)
	}
	// Some more were cut within the handshake, or behind their end.
	n := 0
	if len(s.Warnings) > 0 {
		_, _ = fmt.Sscan(s.Warnings[0], &n)
	}
	if more := s.Connections - 400; n == 0 || n > more || n < more*9/10 || !strings.Contains(s.Warnings[0], "connections are without an end in one part") {
		t.Errorf("%d more connections, warnings %q", more, s.Warnings)
	}
}

// TestWaitingBound: where too many wait to be decided, the rest is decided at once, and
// that is said.
func TestWaitingBound(t *testing.T) {
	a := New(Options{})
	a.waited = maxWaiting - 2
	feedMany(t, a, 5, 0, time.Millisecond, "0 c PSH+ACK len=20\n1 s PSH+ACK len=300\n")
	s, err := a.Summary()
	if err != nil || a.early != 3 || s.Groups[0].Connections != 5 || !strings.Contains(strings.Join(s.Warnings, "\n"), "3 connections were judged by what had been seen so far") {
		t.Errorf("%d early, %q, %v", a.early, s.Warnings, err)
	}
}

// TestTimeline: the slots do not hang on the order of what is added, and are bounded.
func TestTimeline(t *testing.T) {
	base := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	times := []time.Time{base, base.Add(time.Millisecond), base.Add(90 * time.Second), base.Add(-26 * time.Hour), time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)}
	var up, down, merged, rest timeline
	for i, at := range times {
		up.add(at, "reset")
		down.add(times[len(times)-1-i], "reset")
		if i < 2 {
			merged.add(at, "reset")
		} else {
			rest.add(at, "reset")
		}
		n := 0
		for _, s := range up.list().Slots {
			n += s["reset"]
		}
		if l := up.list(); n != i+1 || len(l.Slots) > maxSlots || l.Begin.After(at) {
			t.Errorf("%d of %d in %d slots from %v", n, i+1, len(l.Slots), l.Begin)
		}
	}
	merged.merge(&rest)
	for _, o := range []timeline{down, merged} {
		if d := cmp.Diff(up.list(), o.list()); d != "" {
			t.Error(d)
		}
	}
	var all timeline
	all.add(time.Time{}, "open")
	all.add(time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC), "open")
	if l := all.list(); len(l.Slots) > maxSlots || l.Begin.Year() > 1 {
		t.Errorf("%d slots from %v", len(l.Slots), l.Begin)
	}
}

// TestTrend: a client that goes through its ports in turn, in either direction, and one
// that does not; two halves add up.
func TestTrend(t *testing.T) {
	base := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for name, tt := range map[string]struct {
		port func(i int) int
		want bool
	}{
		"up":     {func(i int) int { return 40000 + i }, true},
		"down":   {func(i int) int { return 60000 - i }, true},
		"spread": {func(i int) int { return 40000 + i*7919%500 }, false},
		"one":    {func(int) int { return 40000 }, false},
	} {
		var whole trend
		var halves [2]trend
		for i := range 500 {
			at := base.Add(time.Duration(i) * time.Millisecond)
			whole.add(uint16(tt.port(i)), at)
			halves[i%2].add(uint16(tt.port(i)), at)
		}
		halves[0].merge(&halves[1])
		if whole != halves[0] || whole.inTurn() != tt.want {
			t.Errorf("%s: in turn %v; %+v, halves %+v", name, whole.inTurn(), whole, halves[0])
		}
	}
}

// FuzzPart: whatever a file of a part holds, it is refused or merged, alone and with
// another, and the report can be written.
func FuzzPart(f *testing.F) {
	all := recorded(f, capturetest.Config{Seed: 1, Connections: 30, LostFINs: 30})
	errs, _ := icmpEnds(f, recorded(f, capturetest.Config{Seed: 2, Connections: 60, Link: capturetest.RawIP}))
	for _, packets := range [][]capture.Packet{all, all[len(all)/2:], nil, errs} {
		packed, plain := content(f, partOf(f, packets, "a.pcap", Options{}))
		f.Add(packed)
		f.Add(plain)
		// As single lines, whose sum the target makes right.
		for i, line := range bytes.SplitAfter(plain, []byte("\n")) {
			if i > 0 && (i%7 == 0 || bytes.Contains(line, []byte(`"icmp"`))) {
				f.Add(line)
			}
		}
	}
	other := partOf(f, all[:len(all)/2], "b.pcap", Options{})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, content := range [][]byte{data, sealed(data)} {
			for _, parts := range [][]*Part{{partIn("f", content)}, {partIn("f", content), other}} {
				s, err := MergeParts(fresh(parts), PortRange{})
				if err != nil {
					if !strings.HasPrefix(err.Error(), "f: ") && len(parts) == 1 {
						t.Errorf("the error does not name the file: %v", err)
					}
					continue
				}
				var out bytes.Buffer
				j := NewJSON(&out)
				if err := errors.Join(WriteText(io.Discard, s, Look{}), j.Close(s)); err != nil || !json.Valid(out.Bytes()) {
					t.Errorf("%v: %s", err, out.Bytes())
				}
			}
		}
	})
}

// sealed makes a whole file of lines, with a right sum.
func sealed(lines []byte) []byte {
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		lines = append(bytes.Clone(lines), '\n')
	}
	var out bytes.Buffer
	p := NewPartialWriter(&out, []string{"f"}, Filter{})
	_, _ = p.gz.Write(lines)
	p.sum.Write(lines)
	p.lines = bytes.Count(lines, []byte("\n"))
	p.seal()
	_ = p.gz.Close()
	return out.Bytes()
}
