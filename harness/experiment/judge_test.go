package experiment

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
)

const shake = `
	client 10.77.0.1:4000
	server 10.77.0.2:8000
	0    c SYN mss=1460
	0.03 s SYN+ACK mss=1460
	0.05 c ACK
	0.1  c PSH+ACK len=100
	0.2  s PSH+ACK len=100
`

// The closes that an experiment may meet.
const (
	three = shake + `
	0.30 c FIN+ACK
	0.35 s FIN+ACK
	0.40 c ACK`
	four = shake + `
	0.30 c FIN+ACK
	40.3 s ACK
	60.3 s FIN+ACK
	60.4 c ACK`
	finTwice = shake + `
	0.30 c FIN+ACK
	210  c FIN+ACK
	211  s FIN+ACK
	211.2 c ACK`
	aborted = shake + `
	0.30 s RST+ACK`
)

func report(t *testing.T, script string) teardown.Report {
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
	return c.Report()
}

func patterns(t *testing.T, lines ...string) []Pattern {
	t.Helper()
	out := make([]Pattern, len(lines))
	for i, l := range lines {
		if err := out[i].parse(l); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// expected is a three-way close as the corpus has it.
func expected(t *testing.T) Expect {
	return Expect{
		Close: teardown.ThreeWay, ActiveCloser: teardown.Client, TimeWait: teardown.Client,
		Segments: patterns(t, "client FIN+ACK", "server FIN+ACK acks FIN", "client ACK acks FIN"),
		States:   States{"TIME_WAIT", "CLOSED"},
	}
}

func seen(r ...teardown.Report) observed {
	return observed{reports: r, settled: true, states: States{"TIME_WAIT", "CLOSED"}}
}

// TestJudge: every expectation can fail, and says how.
func TestJudge(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		change func(x *Expect, o *observed)
		want   string
	}{
		"as expected":       {script: three},
		"a FIN sent again":  {script: finTwice},
		"kind":              {four, nil, "the close is four-way, expected three-way"},
		"reset":             {aborted, nil, "the close is reset, expected three-way"},
		"closer":            {three, func(x *Expect, _ *observed) { x.ActiveCloser = teardown.Server }, "the active closer is client, expected server"},
		"TIME_WAIT":         {three, func(x *Expect, _ *observed) { x.TimeWait = teardown.Server }, "TIME_WAIT is at client, expected server"},
		"RST":               {three, func(x *Expect, _ *observed) { x.ResetBy = teardown.Server }, "the RST is from none, expected server"},
		"half-close":        {three, func(x *Expect, _ *observed) { x.HalfClose = Range{1, 9, true} }, "0 bytes flowed after the first FIN, expected 1..9"},
		"ACK delay":         {three, func(x *Expect, _ *observed) { x.AckDelay = Range{1, 9, true} }, "acknowledged after 0.05 ms, expected 1..9"},
		"states":            {three, func(_ *Expect, o *observed) { o.states.Server = "LAST_ACK" }, "the server's socket is LAST_ACK, expected CLOSED"},
		"no rest":           {three, func(_ *Expect, o *observed) { o.settled = false }, "did not come to rest"},
		"a failure":         {three, func(_ *Expect, o *observed) { o.failures, o.failed = 1, errors.New("broken") }, "the client failed 1 of 1 times, expected 0: broken"},
		"connections":       {three, func(x *Expect, _ *observed) { x.Counts.Connections = Range{2, 2, true} }, "there were 1 connections, expected 2"},
		"TIME_WAIT counted": {three, func(x *Expect, _ *observed) { x.Counts.TimeWaitServer = Range{2, 2, true} }, "0 sockets are in TIME_WAIT at the server, expected 2"},
		"a check":           {three, func(x *Expect, o *observed) { x.Checks, o.prints = []Check{{"echo", "1"}}, []string{"0"} }, `echo printed "0", expected "1"`},
		"a program":         {three, func(x *Expect, o *observed) { x.ServerSays, o.said = "no room", "fine" }, `the server's program printed "fine", expected "no room"`},
		"a rest": {three, func(x *Expect, o *observed) {
			x.Rest, o.cpu = Rest{1000, Range{0, 100, true}}, 900*time.Millisecond
		}, "900.0 ms of processor time were taken in 1000 ms of rest, expected 0..100"},
		"an opening": {three, func(x *Expect, _ *observed) { x.Opening.SYNBytes = Range{73, 73, true} }, "the SYN carried 0 bytes, expected 73"},
		"any state":  {script: three, change: func(x *Expect, o *observed) { x.States.Client, o.states.Client = "any", "CLOSED" }},
		"a state that is short": {three, func(x *Expect, o *observed) {
			x.Lasts, o.lasted = Lasts{"client", Range{50, 60, true}}, time.Millisecond
		}, "TIME_WAIT of the client lasted 1 ms, expected 50..60"},
	} {
		x, o := expected(t), seen(report(t, tt.script))
		if tt.change != nil {
			tt.change(&x, &o)
		}
		e := Experiment{Repeat: 1, Expect: x}
		got, _ := e.judge(&o)
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestJudgeNames which of several connections differs.
func TestJudgeNames(t *testing.T) {
	x, o := expected(t), seen(report(t, three), report(t, four))
	e := Experiment{Repeat: 2, Expect: x}
	if why, conn := e.judge(&o); !strings.HasPrefix(why, "connection 2 of 2: ") || conn != 1 {
		t.Errorf("%d: %s", conn, why)
	}
}

func TestDiffer(t *testing.T) {
	lines := func(script string) []teardown.Line { r := report(t, script); return r.Segments }
	for _, tt := range []struct {
		script string
		want   []string
		why    string
	}{
		{four, []string{"client FIN+ACK", "server ACK acks FIN at 39..58", "server FIN+ACK", "client ACK acks FIN"}, ""},
		{four, []string{"client FIN+ACK", "...", "client ACK acks FIN"}, ""},
		{four, []string{"...", "server FIN+ACK", "..."}, ""},
		{three, []string{"client FIN+ACK", "...", "server FIN+ACK acks FIN", "client ACK acks FIN"}, ""},
		{four, []string{"client FIN+ACK", "server ACK acks FIN at 41..58", "..."}, `segment 2 of the close is "server ACK acks FIN at 40.00 ms", expected "server ACK acks FIN at 41..58"`},
		{four, []string{"client FIN+ACK", "server FIN+ACK acks FIN", "client ACK acks FIN"}, `segment 2 of the close is "server ACK acks FIN at 40.00 ms", expected "server FIN+ACK acks FIN"`},
		{three, []string{"client FIN+ACK"}, `segment 2 of the close is "server FIN+ACK acks FIN at 0.05 ms", expected none`},
		{aborted, []string{"server RST+ACK", "client ACK"}, `segment 2 of the close is missing, expected "client ACK"`},
		{three, []string{"client FIN+ACK with data", "..."}, `segment 1 of the close is "client FIN+ACK at 0.00 ms"`},
	} {
		got := differ(patterns(t, tt.want...), lines(tt.script))
		if tt.why == "" && got != "" || !strings.Contains(got, tt.why) {
			t.Errorf("%v: %q, want %q", tt.want, got, tt.why)
		}
	}
}

// TestDistrust: a close whose trace the witness does not confirm fails, whatever it is.
func TestDistrust(t *testing.T) {
	e := &Experiment{Name: "x", Repeat: 1, Expect: expected(t)}
	o := seen(report(t, three))
	o.witness, o.compared = "tcpdump", &teardown.Diff{First: "the third segment is missing"}
	r := &Result{}
	r.settle(e, &o)
	if want := "lastack's trace and tcpdump's differ: the third segment is missing"; r.Verdict != Fail || r.Why != want || !r.distrusted() {
		t.Errorf("%s: %s", r.Verdict, r.Why)
	}
	o.compared.Same = true
	if r.settle(e, &o); r.Verdict != Pass || r.distrusted() {
		t.Errorf("confirmed: %s: %s", r.Verdict, r.Why)
	}
}

// TestSettleLoad: a result of a load counts as others do.
func TestSettleLoad(t *testing.T) {
	e := under(t, LoadSpec{Ports: PortCount(10), Pool: 2}, closing...)
	e.Expect.States = States{Client: timeWait, Server: "CLOSED"}
	r := &Result{}
	r.settle(e, &observed{load: &Loaded{Ports: 10, Attempted: 3, Made: 2, Requests: 40, Failures: map[string]int{timedOut: 1}, TimeWait: TimeWaits{Client: 2}}})
	if r.Verdict != Fail || r.Why != "1 of 3 connections failed: timed out" || r.Connections != 2 || r.Failures != 1 || r.Failure != timedOut || r.TimeWaitClient != 2 {
		t.Errorf("%+v", r)
	}
}

// TestSettle: a result keeps why it was tried again, and shows what differs.
func TestSettle(t *testing.T) {
	e := &Experiment{Name: "x", Repeat: 1, Expect: expected(t)}
	r := &Result{}
	late, fine := seen(report(t, four)), seen(report(t, three))
	r.settle(e, &late)
	if r.Verdict != Fail || r.Close != teardown.FourWay || len(r.Segments) != 4 {
		t.Errorf("%+v", r)
	}
	r.settle(e, &fine)
	if r.Verdict != Pass || r.Why != "" || r.Attempts != 2 || len(r.Earlier) != 1 || r.States.Client != "TIME_WAIT" {
		t.Errorf("%+v", r)
	}
	nothing := seen()
	if r.settle(e, &nothing); r.Verdict != Fail || r.Close != "" || r.ActiveCloser != "" || r.TimeWait != "" || r.Segments != nil || r.Report != nil {
		t.Errorf("of an attempt without connections: %+v", r)
	}
	r.settle(e, &fine)
	if Passed([]Result{*r, {Verdict: Fail}}) || Passed(nil) || !Passed([]Result{*r, {Verdict: Skipped}}) {
		t.Error("passed")
	}
}

// TestFourToo: a stack that does not delay the ACK of a FIN may close in four segments
// where three are expected of others, and everything else is judged all the same.
func TestFourToo(t *testing.T) {
	e := find1(t, "three-way")
	lazy := &Stranger{Lacks: []Feature{DelayedACK}}
	r := report(t, four)
	if why := e.Expect.Judge(&r); why != "the close is four-way, expected three-way" {
		t.Errorf("of others: %q", why)
	}
	fitted := e.fitted(lazy)
	if why := fitted.Expect.Judge(&r); why != "" {
		t.Errorf("without delayed ACK: %q", why)
	}
	for _, tt := range []struct{ script, want string }{
		{three, ""}, {aborted, "the close is reset, expected three-way"},
	} {
		r := report(t, tt.script)
		if why := fitted.Expect.Judge(&r); why != tt.want {
			t.Errorf("%q, want %q", why, tt.want)
		}
	}
	if e := find1(t, "half-close-data"); len(e.fitted(lazy).Expect.Segments) > 0 || len(e.Expect.Segments) == 0 {
		t.Error("the ACK of a FIN must be carried by data")
	}
	if e := find1(t, "server-first"); e.fitted(lazy) != e {
		t.Error("the client's ACKs are the kernel's")
	}
}
