package monitor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Unix(1_800_000_000, 0)

func holding(process string, pid, n int) *Sample {
	s := &Sample{}
	for i := range n {
		s.CloseWait = append(s.CloseWait, Held{ID: fmt.Sprintf("%s%d", process, i), Owner: Owner{Name: process, PID: pid}})
	}
	return s
}

// TestSlowLeak: forty more in an hour, the oldest for three.
func TestSlowLeak(t *testing.T) {
	tr := NewTracker(nil)
	tr.Remember(NewBaseline(), "")
	var r *Report
	for minute := 0; minute <= 180; minute += 5 {
		r = tr.Report(noon.Add(time.Duration(minute)*time.Minute), time.Minute, holding("nginx", 812, 5+minute*40/60))
		if h := r.CloseWait[0]; (h.MoreThanBefore != nil) != (minute >= 10) {
			t.Errorf("after %d minutes a growth is told: %v", minute, h.MoreThanBefore)
		}
	}
	var out bytes.Buffer
	if err := writeText(&out, r); err != nil {
		t.Fatal(err)
	}
	want := "  CLOSE-WAIT: 125 of nginx (812), seen for 3h0m0s, 40 more than an hour ago\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// TestBaselineIsBounded: processes that come and go, and a clock that leaps.
func TestBaselineIsBounded(t *testing.T) {
	b := NewBaseline()
	for i := range 3 * MaxOwners {
		now := noon.Add(time.Duration(i) * time.Minute)
		b.compare(now, "", []Holder{{Process: "p", PID: i, Count: 1}})
	}
	if len(b.owners) != MaxOwners {
		t.Errorf("%d owners, want %d", len(b.owners), MaxOwners)
	}
	if _, ok := b.owners[ownerKey{"", "p", 3*MaxOwners - 1}]; !ok {
		t.Error("the newest is not remembered")
	}
	many := make([]Holder, 1000)
	for i := range many {
		many[i].PID = i
	}
	fresh := NewBaseline()
	fresh.compare(noon, "", many)
	if len(fresh.owners) != ownersEach {
		t.Errorf("%d owners of one target, want %d", len(fresh.owners), ownersEach)
	}
	key := ownerKey{"", "q", 1}
	for _, leap := range []time.Duration{0, time.Hour, -240 * time.Hour, 0, 1 << 61} {
		h := b.add(noon.Add(leap), key, 7)
		if n, _, ok := h.before(noon.Add(leap)); ok && n != 7 {
			t.Errorf("after a leap of %v: %d before", leap, n)
		}
	}
}

// TestGoneAndBack: an owner that held nothing for a while held nothing then.
func TestGoneAndBack(t *testing.T) {
	b := NewBaseline()
	at := func(minute, n int) *int {
		var list []Holder
		if n > 0 {
			list = []Holder{{Process: "p", PID: 1, Count: n}}
		}
		b.compare(noon.Add(time.Duration(minute)*time.Minute), "", list)
		if n == 0 {
			return nil
		}
		return list[0].MoreThanBefore
	}
	at(0, 50)
	at(10, 0)
	at(60, 0)
	if more := at(100, 30); more == nil || *more != 30 {
		t.Errorf("%v more, want 30", more)
	}
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	b, err := LoadBaseline(path, noon)
	if err != nil {
		t.Fatal(err)
	}
	tr := NewTracker(nil)
	tr.Remember(b, "x")
	tr.Report(noon, time.Minute, holding("nginx", 812, 5))
	if err := b.Save(path); err != nil {
		t.Fatal(err)
	}
	if b, err = LoadBaseline(path, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	again := NewTracker(nil)
	again.Remember(b, "x")
	h := again.Report(noon.Add(time.Hour), time.Minute, holding("nginx", 812, 45)).CloseWait[0]
	if h.SeenMS != time.Hour.Milliseconds() || h.MoreThanBefore == nil || *h.MoreThanBefore != 40 {
		t.Errorf("%+v, want an hour and 40 more", h)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%v, %v: want the state alone", left, err)
	}
}

func TestStateOfNoUse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"owners":5}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := LoadBaseline(path, noon)
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), path) || b == nil {
			t.Errorf("%q: %v, %v", text, b, err)
		}
	}
	for _, bad := range []string{dir, "/dev/null"} {
		if _, err := LoadBaseline(bad, noon); err == nil || errors.Is(err, ErrState) {
			t.Errorf("%s is taken for a state: %v", bad, err)
		}
		if err := NewBaseline().Save(bad); err == nil {
			t.Errorf("%s is replaced by a state", bad)
		}
	}
	if b, err := DecodeBaseline([]byte(`{"version":1,"boot":"before","owners":[{"first":1,"numbers":[1]}]}`), "now", noon); err != nil || len(b.owners) != 0 {
		t.Errorf("%+v, %v: another boot's is kept", b, err)
	}
}

func FuzzState(f *testing.F) {
	b := NewBaseline()
	tr := NewTracker(nil)
	tr.Remember(b, "x")
	tr.Report(noon, time.Minute, holding("nginx", 812, 5))
	text, err := b.Encode("b")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"version":1,"boot":"b","owners":[{"first":9223372036854775807,"numbers":[1,2]},{"first":-1,"numbers":[1]}],"seen":{"":{"a":9223372036854775807}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := DecodeBaseline(text, "b", noon)
		if err != nil && !errors.Is(err, ErrState) {
			t.Fatal(err)
		}
		tr := NewTracker(nil)
		tr.Remember(b, "x")
		r := tr.Report(noon, time.Minute, holding("nginx", 812, 5))
		if h := r.CloseWait[0]; h.SeenMS < 0 || h.BeforeMS < 0 || len(b.owners) > MaxOwners {
			t.Errorf("%+v", h)
		}
	})
}
