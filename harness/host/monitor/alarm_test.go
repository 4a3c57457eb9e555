package monitor

import (
	"strings"
	"testing"

	"lastack/harness/lab/sockstat"

	"github.com/google/go-cmp/cmp"
)

func TestAlarms(t *testing.T) {
	quiet, loud := &Sample{States: states(1, 100, 2, 1)}, &Sample{States: states(1, 101, 2, 1)}
	list, sum := reports(t, []string{"TIME_WAIT=100", "connected=1000", "bucket=100"}, quiet, loud, loud, quiet, loud)
	raised := func(isNew bool) []Raised {
		return []Raised{
			{What: "TIME_WAIT", Count: 101, Limit: 100, New: isNew},
			{What: "bucket", Count: 101, Limit: 100, New: isNew},
		}
	}
	want := [][]Raised{{}, raised(true), raised(false), {}, raised(true)}
	for i, r := range list {
		if diff := cmp.Diff(want[i], r.Alarms); diff != "" {
			t.Errorf("look %d: %s", i+1, diff)
		}
	}
	if sum.Alarms != 4 {
		t.Errorf("%d crossings, want 4", sum.Alarms)
	}
}

func TestAlarmOnPortsLeft(t *testing.T) {
	s := &Sample{Destinations: []sockstat.Destination{
		closing("10.0.0.2:80", 0, 0, 28_000), closing("10.0.0.2:443", 0, 0, 28_200),
	}}
	list, _ := reports(t, []string{"ports-left=32", "ports-left=33", "ports-left=500"}, s)
	want := []Raised{
		{What: "ports-left", Count: 32, Limit: 33, New: true},
		{What: "ports-left", Count: 32, Limit: 500, New: true},
	}
	if diff := cmp.Diff(want, list[0].Alarms); diff != "" {
		t.Error(diff)
	}
	if got := want[0].String(); got != "ports-left 32, below 33" {
		t.Error(got)
	}
}

func TestParseAlarmErrors(t *testing.T) {
	for text, want := range map[string]string{
		"time-wait":     "give STATE=N or ports-left=N",
		"time-wait=":    "give STATE=N",
		"time-wait=-1":  "give STATE=N",
		"time-wait=50k": "give STATE=N",
		"tw=50":         `"tw" is no TCP state`,
		"=50":           `"" is no TCP state`,
	} {
		if _, err := ParseAlarm(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}
