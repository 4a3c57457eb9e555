package explain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown/teardowntest"
)

// TestRatesOverGaps: the hour between two captures of ten seconds changes no rate, neither
// that of the forecast nor that of a server's records.
func TestRatesOverGaps(t *testing.T) {
	for name, tt := range map[string]struct {
		every time.Duration
		close string
		want  string
	}{
		"client": {16700 * time.Microsecond, "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n", "leaves 1,200 connections to 10.200.0.1:80 in TIME_WAIT, 60 per second"},
		"server": {834 * time.Microsecond, "3 s FIN+ACK\n4 c FIN+ACK\n5 s ACK\n", "10.200.0.1:80 closes first 1195 times per second"},
	} {
		a := New(Options{})
		for i := range 1200 {
			recs, err := teardowntest.Parse(fmt.Sprintf("client 10.200.0.2:%d\n%s%s", 33000+20*i, talked, tt.close))
			if err != nil {
				t.Fatal(err)
			}
			if i == 600 {
				a.gap() // as where a file ends
			}
			for _, r := range recs {
				r.Time = r.Time.Add(time.Duration(i)*tt.every + time.Duration(i/600)*time.Hour)
				a.add(&record{Record: r})
			}
		}
		sum, err := a.Summary()
		if err != nil || len(sum.Findings) != 1 || !strings.Contains(sum.Findings[0].Text, tt.want) {
			t.Errorf("%s: %v %+v", name, err, sum.Findings)
		}
	}
}

// TestBurstBesideGap: of a minute in which a capture ended, half counts.
func TestBurstBesideGap(t *testing.T) {
	base := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	var m moments
	for i := range 30 {
		m.add(base.Add(time.Duration(i) * time.Second))
	}
	m.add(base.Add(time.Hour))
	between := gaps{{base.Add(30 * time.Second), base.Add(time.Hour)}}
	if got, want := m.burst(between), " 30 of them in the minute of 2026-03-04 05:06 UTC, 1.0 per second."; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
}

// TestGapsAreBounded: of what there are too many, rates know nothing.
func TestGapsAreBounded(t *testing.T) {
	a := New(Options{})
	recs, err := teardowntest.Parse(talked)
	if err != nil {
		t.Fatal(err)
	}
	for range maxViews + 100 {
		for i := range recs {
			recs[i].Time = recs[i].Time.Add(time.Hour)
			a.add(&record{Record: recs[i]})
		}
		a.gap()
	}
	end := a.second
	sum, err := a.Summary()
	if err != nil || len(a.views) != maxViews || a.views[maxViews-1].To.Unix() != int64(end) {
		t.Errorf("%v: %d views are kept, the last until %v", err, len(a.views), a.views[len(a.views)-1].To)
	}
	if !slices.ContainsFunc(sum.Warnings, func(w string) bool { return strings.HasPrefix(w, "there are at least 4,095 gaps") }) {
		t.Errorf("%q", sum.Warnings)
	}
}
