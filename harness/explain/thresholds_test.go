package explain

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
)

// far is talked with a server that is 20 ms away.
const far = "0 c SYN\n20 s SYN+ACK\n20.1 c ACK\n21 c PSH+ACK len=200\n41 s PSH+ACK len=1000\n41.1 c ACK\n"

// finds reports whether n connections by a script, beside others by another, make a
// finding.
func finds(t *testing.T, kind FindingKind, n int, every time.Duration, script string, others int) bool {
	t.Helper()
	a := New(Options{})
	feedMany(t, a, n, 0, every, script)
	feedMany(t, a, others, n, every, talked+"3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n")
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range sum.Findings {
		if f.Kind == kind {
			return true
		}
	}
	return false
}

func feedMany(t *testing.T, a *Analysis, n, from int, every time.Duration, script string) {
	t.Helper()
	for i := range n {
		recs, err := teardowntest.Parse(fmt.Sprintf("client 10.200.0.2:%d\n%s", 33000+from+i, script))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs {
			r.Time = r.Time.Add(time.Duration(from+i) * every)
			a.add(&record{Record: r})
		}
	}
}

// TestThresholds: each is where the help says, to the next millisecond or connection.
func TestThresholds(t *testing.T) {
	help := strings.Join(strings.Fields(Thresholds()), " ")
	for _, tt := range []struct {
		help                  string
		kind                  FindingKind
		below, at             string
		nBelow, nAt           int
		othersBelow, othersAt int
	}{
		{"CLOSE_WAIT that leaks 1s", FindCloseWait, talked + "3 c FIN+ACK\n4 s ACK\n1003 c ACK\n", talked + "3 c FIN+ACK\n4 s ACK\n1004 c ACK\n", 1, 1, 0, 0},
		{"900ms if it was sent again", FindSYN, "0 c SYN\n899 c SYN seq=0\n", "0 c SYN\n900 c SYN seq=0\n", 1, 1, 0, 0},
		{"gave up 200ms", FindGaveUp, far + "100 c PSH+ACK len=9\n120 s ACK\n299 c RST+ACK\n", far + "100 c PSH+ACK len=9\n120 s ACK\n300 c RST+ACK\n", 1, 1, 0, 0},
		{"FIN_WAIT_2 that expired 1s", FindForgotten, far + "100 c FIN+ACK\n120 s ACK\n1119 s FIN+ACK\n1119.9 c RST\n", far + "100 c FIN+ACK\n120 s ACK\n1120 s FIN+ACK\n1120.1 c RST\n", 1, 1, 0, 0},
		{"time-out 1s", FindUser, far + "100 c FIN+ACK\n300 c FIN+ACK seq=201\n700 c FIN+ACK seq=201\n1299 c RST+ACK\n", far + "100 c FIN+ACK\n300 c FIN+ACK seq=201\n700 c FIN+ACK seq=201\n1300 c RST+ACK\n", 1, 1, 0, 0},
		{"stale connection 1s", FindRace, far + "1040 s FIN+ACK\n1040.1 c ACK\n1100 c PSH+ACK len=200\n1120 s RST\n", far + "1041 s FIN+ACK\n1041.1 c ACK\n1100 c PSH+ACK len=200\n1120 s RST\n", 1, 1, 0, 0},
		{"half-open connection 1s", FindHalfOpen, far + "1040 c PSH+ACK len=9\n1060 s RST\n", far + "1041 c PSH+ACK len=9\n1061 s RST\n", 1, 1, 0, 0},
		{"up to 128 bytes before a FIN", FindLate, far + "100 s FIN+ACK\n100.1 c PSH+ACK len=128\n100.2 c FIN+ACK\n120 s RST\n", far + "100 s FIN+ACK\n100.1 c PSH+ACK len=129\n100.2 c FIN+ACK\n120 s RST\n", 1, 1, 0, 0},
		{"aborts; lost FINs 5%; 1%", FindAborts, talked + "4 s RST+ACK\n", talked + "4 s RST+ACK\n", 1, 1, 20, 19},
		{"aborts; lost FINs 5%; 1%", FindLost, talked + "3 c FIN+ACK\n210 c FIN+ACK seq=101\n210.1 s FIN+ACK\n211 c ACK\n", talked + "3 c FIN+ACK\n210 c FIN+ACK seq=101\n210.1 s FIN+ACK\n211 c ACK\n", 1, 1, 100, 99},
	} {
		if !strings.Contains(help, tt.help) {
			t.Errorf("the help does not say %q", tt.help)
		}
		if finds(t, tt.kind, tt.nBelow, 0, tt.below, tt.othersBelow) {
			t.Errorf("%s: found below its threshold", tt.kind)
		}
		if !finds(t, tt.kind, tt.nAt, 0, tt.at, tt.othersAt) {
			t.Errorf("%s: not found at its threshold", tt.kind)
		}
	}
}

// TestPathMTUThreshold: a segment that does not fit is not heeded from then on.
func TestPathMTUThreshold(t *testing.T) {
	if want := "path MTU not heeded 900ms"; !strings.Contains(strings.Join(strings.Fields(Thresholds()), " "), want) {
		t.Errorf("the help does not say %q", want)
	}
	for later, want := range map[time.Duration]bool{899 * time.Millisecond: false, 900 * time.Millisecond: true} {
		a := New(Options{})
		recs, err := teardowntest.Parse(far + "100 c PSH+ACK len=1400\n")
		if err != nil {
			t.Fatal(err)
		}
		for i := range recs {
			a.add(&record{Record: recs[i]})
		}
		last := recs[len(recs)-1]
		a.noteICMP(&capture.ICMPError{Time: last.Time, Version: 4, Type: 3, Code: 4, MTU: 1280, Tuple: last.Seg.Tuple})
		last.Time = last.Time.Add(later)
		a.add(&record{Record: last})
		sum, err := a.Summary()
		if got := err == nil && len(sum.Findings) == 1 && sum.Findings[0].Kind == FindPathMTU; got != want {
			t.Errorf("%v later: %v, %+v", later, err, sum.Findings)
		}
	}
}

// TestThresholdsOfNumbers: those of many connections.
func TestThresholdsOfNumbers(t *testing.T) {
	if want := "50 in TIME_WAIT that settle at 10% of the range"; !strings.Contains(Thresholds(), want) {
		t.Errorf("the help does not say %q", want)
	}
	closed := talked + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n"
	for n, want := range map[int]bool{49: false, 50: true} {
		if got := finds(t, FindWhoCloses, n, time.Millisecond, closed, 0); got != want {
			t.Errorf("%d connections in TIME_WAIT: a forecast: %v", n, got)
		}
	}
	// 471 in ten seconds settle at 2,826 of 28,232 ports, 2,823 are 10%.
	for every, want := range map[time.Duration]bool{21200 * time.Microsecond: true, 21300 * time.Microsecond: false} {
		if got := finds(t, FindWhoCloses, 472, every, closed, 0); got != want {
			t.Errorf("every %v: a forecast: %v", every, got)
		}
	}
	if ManyRecords != 65_536 || OneSidedFrom != 10 || GapAfter != time.Minute || LeapAfter != 24*time.Hour || AnswerWithin != 3*time.Second || teardown.IdleFrom != time.Second ||
		teardown.InVainFrom != 2 || teardown.TimerLeast != 200*time.Millisecond || teardown.ExpiresFrom != 35*time.Millisecond {
		t.Error("a threshold has moved: correct the README, and this")
	}
}

// TestIdleLimit: the same silence on three connections is a limit, if they did not all
// end at once; on two it is not known.
func TestIdleLimit(t *testing.T) {
	script := far + "7321 s RST+ACK\n"
	for _, tt := range []struct {
		n     int
		every time.Duration
		want  bool
	}{{2, time.Second, false}, {3, time.Second, true}, {3, time.Millisecond, false}, {20, 300 * time.Millisecond, true}} {
		if got := finds(t, FindIdle, tt.n, tt.every, script, 0); got != tt.want {
			t.Errorf("%d every %v: a limit: %v", tt.n, tt.every, got)
		}
	}
	for quiet, want := range map[string]bool{"59900": false, "60041": true, "60600": true, "61000": false} {
		if got := finds(t, FindIdle, 1, 0, far+quiet+" s RST+ACK\n", 0); got != want {
			t.Errorf("one connection, reset at %s ms: a limit: %v", quiet, got)
		}
	}
}
