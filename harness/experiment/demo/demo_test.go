package demo

import (
	"slices"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
	"lastack/harness/term/golden"
)

const shake = `
	client 10.77.0.1:4000
	server 10.77.0.2:80
	0    c SYN mss=1460
	0.03 s SYN+ACK mss=1460
	0.05 c ACK
	0.1  c PSH+ACK len=73
	0.2  s PSH+ACK len=272 hold=carried held=0.08
`

// The closes that an experiment may meet.
const (
	three = shake + `
	0.30 c FIN+ACK
	0.35 s FIN+ACK hold=carried held=0.04
	0.40 c ACK`
	four = shake + `
	0.30 c FIN+ACK
	0.33 s ACK hold=none
	0.35 s FIN+ACK hold=none
	0.40 c ACK`
	withData = shake + `
	0.30 c FIN+ACK
	0.33 s PSH+ACK len=100 hold=carried held=0.02
	0.35 s FIN+ACK hold=none
	0.40 c ACK`
	serverFirst = shake + `
	0.30 s FIN+ACK hold=none
	0.35 c FIN+ACK
	0.40 s ACK hold=none`
	finTwice = shake + `
	0.30 c FIN+ACK
	5.30 c FIN+ACK
	5.35 s FIN+ACK hold=carried held=5.04
	5.37 s ACK hold=none
	5.40 c ACK`
	aborted = shake + `
	0.30 s RST+ACK hold=none`
)

// conn is the connection of a script, records its segments.
func conn(t *testing.T, script string) (*teardown.Conn, []teardown.Record) {
	t.Helper()
	recs, err := teardowntest.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	table := teardown.NewTable(teardown.Config{Keep: -1})
	var c *teardown.Conn
	for i := range recs {
		c = table.Add(&recs[i])
	}
	return c, recs
}

// TestJudge: each experiment takes the close it is about and no other.
func TestJudge(t *testing.T) {
	kinds := map[string]string{
		"three": three, "four": four, "with data": withData, "server first": serverFirst, "aborted": aborted,
		"FIN twice": finTwice,
	}
	// A FIN that a slow machine made the kernel send again is no other close.
	takes := map[string][]string{
		"a": {"three", "FIN twice"}, "b": {"four"}, "c": {"with data"}, "d": {"three", "FIN twice"},
	}
	for _, e := range closes() {
		for name, script := range kinds {
			c, _ := conn(t, script)
			r := c.Report()
			why := e.Expect.Judge(&r)
			if want := slices.Contains(takes[e.Name], name); (why == "") != want {
				t.Errorf("(%s) judges %q: %q", e.Name, name, why)
			}
		}
		if want := (experiment.States{Client: "TIME_WAIT", Server: "CLOSED"}); e.Expect.States != want {
			t.Errorf("(%s) takes the states %+v", e.Name, e.Expect.States)
		}
	}
}

// TestPassed: a close that failed or is missing does not pass.
func TestPassed(t *testing.T) {
	pass, fail := Result{Verdict: experiment.Pass}, Result{Verdict: experiment.Fail}
	if !Passed([]Result{pass, pass, pass, pass}) || Passed([]Result{pass, pass, pass, fail}) || Passed([]Result{pass}) {
		t.Error("failed or missing closes pass")
	}
}

// TestAttempts: an attempt counts unless the machine excuses it.
func TestAttempts(t *testing.T) {
	e := closes()[0]
	for _, tt := range []struct{ tried, excused, begun, done int }{
		{0, 0, 1, 1}, {1, 0, 2, 1}, {1, 1, 1, 1}, {2, 1, 2, 1}, {3, 1, 3, 2},
	} {
		r := &experiment.Result{Attempts: tt.tried, Excused: tt.excused}
		if a, b := announce(e, r).Attempt, result(e, r).Attempt; a != tt.begun || b != tt.done {
			t.Errorf("after %d attempts, %d excused, the next is %d and the last %d", tt.tried, tt.excused, a, b)
		}
	}
}

// TestText holds what a person reads against a golden file.
func TestText(t *testing.T) {
	var b strings.Builder
	text := Text{W: &b}
	text.Begin("tcpdump cannot give up root's privileges in a user namespace; run as root")
	var results []Result
	for i, script := range []string{three, four, withData, aborted} {
		e := closes()[i]
		c, recs := conn(t, script)
		rep := c.Report()
		seen := &experiment.Result{Subject: subject(e), Verdict: experiment.Pass, Why: e.Expect.Judge(&rep)}
		if seen.Subject == experiment.Lastack {
			seen.Compared = &teardown.Diff{Same: true, Matched: len(recs)}
		}
		if seen.Why != "" {
			seen.Verdict = experiment.Fail
		}
		text.Start(announce(e, seen))
		seen.Attempts, seen.Witness, seen.States = 1, "the packet socket", &experiment.Ends{Client: "TIME_WAIT", Server: "CLOSED"}
		seen.Report, seen.Close = &rep, rep.Close
		r := result(e, seen)
		text.Done(r)
		results = append(results, *r)
	}
	text.Summary(results)
	for _, line := range strings.Split(b.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	golden.Match(t, "testdata/demo.txt", []byte(b.String()))
}
