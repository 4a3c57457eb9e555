package demo

import (
	"slices"
	"strings"
	"testing"

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

// The closes that a scenario may meet.
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
	return reassemble(recs)
}

// TestJudge: each scenario takes the close it is about and no other.
func TestJudge(t *testing.T) {
	closes := map[string]string{
		"three": three, "four": four, "with data": withData, "server first": serverFirst, "aborted": aborted,
		"FIN twice": finTwice,
	}
	// A FIN that a slow machine made the kernel send again is no other close.
	takes := map[string][]string{
		"a": {"three", "FIN twice"}, "b": {"four"}, "c": {"with data"}, "d": {"three", "FIN twice"},
	}
	for _, s := range scenarios() {
		for name, script := range closes {
			c, _ := conn(t, script)
			r := c.Report()
			why := s.judge(&r)
			if want := slices.Contains(takes[s.key], name); (why == "") != want {
				t.Errorf("(%s) judges %q: %q", s.key, name, why)
			}
		}
	}
}

// TestSettle: a trace that the witness does not confirm fails.
func TestSettle(t *testing.T) {
	s := scenarios()[0]
	c, _ := conn(t, three)
	r := Result{ClientState: "TIME_WAIT", Compared: &teardown.Diff{Same: true}}
	r.settle(&s, c)
	if r.Verdict != Pass || r.Why != "" {
		t.Errorf("confirmed: %s, %s", r.Verdict, r.Why)
	}
	r = Result{ClientState: "TIME_WAIT", Witness: "tcpdump", Compared: &teardown.Diff{First: "the third segment is missing"}}
	r.settle(&s, c)
	if r.Verdict != Fail || !strings.Contains(r.Why, "the third segment is missing") {
		t.Errorf("not confirmed: %s, %s", r.Verdict, r.Why)
	}
	gone := Result{ClientState: "CLOSED", Compared: &teardown.Diff{Same: true}}
	gone.settle(&s, c)
	if gone.Verdict != Fail || !strings.Contains(gone.Why, "CLOSED") {
		t.Errorf("without TIME_WAIT: %s, %s", gone.Verdict, gone.Why)
	}
	if Passed([]Result{r, r, r, r}) || Passed([]Result{{Verdict: Pass}}) {
		t.Error("failed or missing closes pass")
	}
}

// TestText holds what a person reads against a golden file.
func TestText(t *testing.T) {
	var b strings.Builder
	text := Text{W: &b}
	all := scenarios()
	text.Begin("tcpdump cannot give up root's privileges in a user namespace; run as root")
	var results []Result
	for i, script := range []string{three, four, withData, aborted} {
		c, recs := conn(t, script)
		r := all[i].announce()
		r.Witness, r.ClientState, r.ServerState = "the packet socket", "TIME_WAIT", "CLOSED"
		if !all[i].onKernel {
			r.Compared = &teardown.Diff{Same: true, Matched: len(recs)}
		}
		r.settle(&all[i], c)
		text.Start(r)
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
