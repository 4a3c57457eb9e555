package monitor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script is a Source that plays samples, then calls end at each further look.
type script struct {
	samples []*Sample
	end     func() error
}

func (s *script) Name() string { return "a script" }

func (s *script) Look(context.Context) (*Sample, error) {
	if len(s.samples) == 0 {
		return nil, s.end()
	}
	next := s.samples[0]
	s.samples = s.samples[1:]
	return next, nil
}

func TestRunCounts(t *testing.T) {
	var out bytes.Buffer
	a, err := ParseAlarm("time-wait=5")
	if err != nil {
		t.Fatal(err)
	}
	src := &script{samples: []*Sample{{States: states(1, 5, 0, 0)}, {States: states(1, 6, 0, 0)}, {}}}
	sum, err := Run(t.Context(), Config{Source: src, Interval: time.Millisecond, Count: 2, Alarms: []Alarm{a}, Out: &out, JSON: true})
	if err != nil || sum.Looks != 2 || sum.Alarms != 1 || len(src.samples) != 1 {
		t.Errorf("%+v, %v; %d samples left", sum, err, len(src.samples))
	}
	dec := json.NewDecoder(&out)
	for i := range 2 {
		var r Report
		if err := dec.Decode(&r); err != nil || r.States["TIME_WAIT"].N != 5+i || len(r.Alarms) != i {
			t.Errorf("report %d: %+v, %v", i+1, r, err)
		}
	}
	var last struct{ Summary Summary }
	if err := dec.Decode(&last); err != nil || last.Summary.Peak["TIME_WAIT"] != 6 {
		t.Errorf("summary %+v, %v", last, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Errorf("more follows: %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	src := &script{samples: []*Sample{{States: states(3, 0, 0, 0)}}, end: func() error {
		cancel()
		return errors.New("interrupted on the way")
	}}
	sum, err := Run(ctx, Config{Source: src, Interval: time.Millisecond, Out: &out})
	if err != nil || sum.Looks != 1 || !strings.HasSuffix(out.String(), "\nsummary: 1 look; at most ESTAB 3; no alarm\n") {
		t.Errorf("%+v, %v:\n%s", sum, err, out.String())
	}
}

func TestRunFails(t *testing.T) {
	broken := errors.New("broken")
	src := &script{end: func() error { return broken }}
	var out bytes.Buffer
	if _, err := Run(t.Context(), Config{Source: src, Interval: time.Second, Out: &out}); !errors.Is(err, broken) {
		t.Errorf("%v, want what the source said", err)
	}
	if out.Len() > 0 {
		t.Errorf("a summary of nothing: %s", out.String())
	}
	for _, c := range []Config{{}, {Source: src, Out: &out}, {Source: src, Out: &out, Interval: 1, Count: -1}} {
		if _, err := Run(t.Context(), c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// TestProcessesChooseTheirNames: one with an escape sequence and a line of its own in it
// prints neither.
func TestProcessesChooseTheirNames(t *testing.T) {
	r := &Report{CloseWait: []Holder{{Count: 1, Owner: Owner{"a\x1b[2J\nALARM", 12}.String()}}}
	var out bytes.Buffer
	if err := writeText(&out, r); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "\x1b") || strings.Contains(got, "\nALARM") || !strings.Contains(got, `"a\x1b[2J\nALARM" (12)`) {
		t.Errorf("%q", got)
	}
}

// TestOwners: a /proc of the test's own.
func TestOwners(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, comm string, links ...string) {
		fd := filepath.Join(proc, pid, "fd")
		if err := os.MkdirAll(fd, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, pid, "comm"), []byte(comm+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for i, target := range links {
			if err := os.Symlink(target, filepath.Join(fd, string(rune('0'+i)))); err != nil {
				t.Fatal(err)
			}
		}
	}
	process("12", "nginx", "/dev/null", "socket:[100]", "socket:[101]")
	process("13", "java", "socket:[200]", "pipe:[201]")
	process("self", "me", "socket:[300]")
	o := owners{proc: proc}
	check := func(inodes []uint32, want ...Owner) {
		t.Helper()
		got := o.find(t.Context(), inodes)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("inode %d: %v, want %v", inodes[i], got[i], want[i])
			}
		}
	}
	nginx, java, unknown := Owner{"nginx", 12}, Owner{"java", 13}, Owner{"unknown", 0}
	check([]uint32{101, 200, 201, 300, 0}, nginx, java, unknown, unknown, unknown)
	// What is known is not looked for again, until it was gone for a look.
	if err := os.RemoveAll(filepath.Join(proc, "12")); err != nil {
		t.Fatal(err)
	}
	check([]uint32{200, 101}, java, nginx)
	check([]uint32{200}, java)
	check([]uint32{101}, unknown)
	// A process that ended between two reads has no name to give.
	process("14", "gone", "socket:[400]")
	if err := os.Remove(filepath.Join(proc, "14", "comm")); err != nil {
		t.Fatal(err)
	}
	check([]uint32{400}, unknown)
}

func TestReserved(t *testing.T) {
	for list, want := range map[string]int{
		"": 0, "20000": 1, "19999": 0, "20099,20100": 1, "19990-20009": 10,
		"8080,20010-20019,20050,20090-20110": 21, "1-65535": 100,
	} {
		if got, err := reserved(list+"\n", 20000, 20099); got != want || err != nil {
			t.Errorf("%q: %d, %v; want %d", list, got, err, want)
		}
	}
	if _, err := reserved("a-b", 1, 2); err == nil {
		t.Error("a-b is taken")
	}
}
