package monitor

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"lastack/harness/lab/sockstat"
	"lastack/harness/term/golden"

	"github.com/google/go-cmp/cmp"
)

var began = time.Date(2026, 3, 1, 12, 30, 20, 0, time.UTC)

const interval = 5 * time.Second

// closing has rate connections a second in TIME_WAIT, for so many seconds so far.
func closing(remote string, rate, seconds, live int) sockstat.Destination {
	d := sockstat.Destination{
		Local: netip.MustParseAddr("10.0.0.1"), Remote: netip.MustParseAddrPort(remote),
		Ports: 28_232, Live: live, TimeWait: rate * seconds, HoldMS: 60_000,
	}
	for i := range seconds {
		d.Ages[i] = rate
	}
	return d
}

func held(owner string, pid int, ids ...string) []Held {
	var list []Held
	for _, id := range ids {
		list = append(list, Held{ID: id, Owner: Owner{Name: owner, PID: pid}})
	}
	return list
}

// reports has a tracker look at samples, five seconds apart.
func reports(t *testing.T, alarms []string, samples ...*Sample) ([]*Report, Summary) {
	t.Helper()
	var parsed []Alarm
	for _, s := range alarms {
		a, err := ParseAlarm(s)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, a)
	}
	tr := NewTracker(parsed)
	var list []*Report
	for i, s := range samples {
		list = append(list, tr.Report(began.Add(time.Duration(i)*interval), interval, s))
	}
	return list, tr.Summary()
}

func states(n ...int) map[string]int {
	return map[string]int{"ESTABLISHED": n[0], "TIME_WAIT": n[1], "CLOSE_WAIT": n[2], "LISTEN": n[3]}
}

func TestReportInText(t *testing.T) {
	list, sum := reports(t, []string{"time-wait=5000", "ports-left=3000"},
		&Sample{States: states(12, 1000, 0, 9), Destinations: []sockstat.Destination{closing("10.0.0.2:80", 100, 10, 5)}},
		&Sample{
			States:       states(12, 1500, 3, 9),
			Destinations: []sockstat.Destination{closing("10.0.0.2:80", 100, 15, 7)},
			CloseWait:    held("nginx", 812, "1", "2", "3"),
		},
		&Sample{
			States: states(14, 26_000, 4, 9),
			Destinations: []sockstat.Destination{
				closing("10.0.0.2:80", 1000, 26, 5),
				closing("[2001:db8:1111:2222:3333:4444:5555:6666]:65535", 471, 59, 0),
				closing("10.0.0.2:443", 1, 60, 2000),
				closing("10.0.0.2:22", 0, 0, 3),
			},
			CloseWait: append(held("nginx", 812, "1", "2"), held("unknown", 0, "9", "8")...),
		},
		&Sample{States: map[string]int{}},
	)
	var b strings.Builder
	for _, r := range list {
		if err := writeText(&b, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeSummary(&b, &sum); err != nil {
		t.Fatal(err)
	}
	golden.Match(t, "testdata/reports.txt", []byte(b.String()))
	for line := range strings.Lines(b.String()) {
		if len(line) > columns+1 {
			t.Errorf("longer than 80 columns: %s", line)
		}
	}
}

func TestRates(t *testing.T) {
	list, sum := reports(t, nil,
		&Sample{States: states(1, 0, 0, 1)},
		&Sample{States: states(1, 500, 0, 1)},
		&Sample{States: states(1, 0, 0, 1)},
		&Sample{States: states(1, 0, 0, 1)},
	)
	var got []Count
	for _, r := range list {
		got = append(got, r.States["TIME_WAIT"])
	}
	if diff := cmp.Diff([]Count{{}, {500, 100}, {0, -100}, {}}, got); diff != "" {
		t.Error(diff)
	}
	if _, shown := list[2].States["TIME_WAIT"]; !shown {
		t.Error("a state that just emptied is not shown")
	}
	if _, shown := list[3].States["TIME_WAIT"]; shown {
		t.Error("a state that has long been empty is shown")
	}
	if want := (Summary{Looks: 4, SecondsWatched: 15, Peak: map[string]int{"ESTABLISHED": 1, "TIME_WAIT": 500, "LISTEN": 1}}); !cmp.Equal(sum, want) {
		t.Error(cmp.Diff(want, sum))
	}
}

// TestLiveConnections: a few more or less are chance; many more are a leak.
func TestLiveConnections(t *testing.T) {
	for _, tt := range []struct {
		live    []int
		runsOut bool
	}{
		{[]int{10, 14, 9, 17}, false},
		{[]int{10, 60, 110, 160}, true},
		{[]int{160, 110, 60, 10}, false},
	} {
		var samples []*Sample
		for _, n := range tt.live {
			samples = append(samples, &Sample{Destinations: []sockstat.Destination{closing("10.0.0.2:80", 10, 60, n)}})
		}
		list, _ := reports(t, nil, samples...)
		last := list[len(list)-1].Destinations[0]
		if (last.RunsOutMS != nil) != tt.runsOut || (last.LivePerSecond == 10) != tt.runsOut {
			t.Errorf("live connections %v: %+v", tt.live, last)
		}
	}
}

func TestCloseWaitIsRemembered(t *testing.T) {
	list, _ := reports(t, nil,
		&Sample{CloseWait: held("a", 1, "x", "y")},
		&Sample{CloseWait: append(held("a", 1, "y"), held("b", 2, "z", "w")...)},
		&Sample{CloseWait: held("a", 1, "y", "x")},
	)
	want := [][]Holder{
		{{Owner: "a (1)", Process: "a", PID: 1, Count: 2, Ages: young(2)}},
		{
			{Owner: "b (2)", Process: "b", PID: 2, Count: 2, Ages: young(2)},
			{Owner: "a (1)", Process: "a", PID: 1, Count: 1, SeenMS: 5000, SeenSeconds: 5, Ages: young(1)},
		},
		{{Owner: "a (1)", Process: "a", PID: 1, Count: 2, SeenMS: 10_000, SeenSeconds: 10, Ages: young(2)}}, // x is a new one
	}
	for i, r := range list {
		if diff := cmp.Diff(want[i], r.CloseWait); diff != "" {
			t.Errorf("look %d: %s", i+1, diff)
		}
	}
}

func TestAges(t *testing.T) {
	var h Holder
	for _, age := range []time.Duration{0, 10 * time.Second, 10*time.Second + 1, 24 * time.Hour, 25 * time.Hour} {
		h.add(age)
	}
	if want := [ageBounds + 1]int{2, 1, 0, 0, 0, 0, 1, 1}; h.Ages != want || h.Count != 5 {
		t.Errorf("%v, want %v", h.Ages, want)
	}
}

// young is so many that have been seen for ten seconds at most.
func young(n int) (ages [ageBounds + 1]int) {
	ages[0] = n
	return ages
}
