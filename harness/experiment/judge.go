package experiment

import (
	"fmt"
	"strings"
	"time"

	"lastack/harness/teardown"
)

// judge compares what was seen with what is expected. The answer is the first
// difference in words, or empty, and which connection shows it.
func (e *Experiment) judge(o *observed) (why string, conn int) {
	if o.load != nil {
		return e.JudgeLoad(o.load), 0
	}
	x := &e.Expect
	if o.died != "" {
		return o.died, 0
	}
	if o.flooded {
		return fmt.Sprintf("more than %d packets crossed the wire; the rest was not looked at", mostPackets), 0
	}
	if why := e.judgeClient(o); why != "" {
		return why, 0
	}
	for _, rule := range e.Impair {
		if o.hits[rule.String()] == 0 {
			return fmt.Sprintf("nothing fell to the rule %q", rule.String()), 0
		}
	}
	for i := range o.reports {
		why := x.Judge(&o.reports[i])
		if why == "" {
			continue
		}
		if len(o.reports) > 1 {
			why = fmt.Sprintf("connection %d of %d: %s", i+1, len(o.reports), why)
		}
		return why, i
	}
	if n := len(o.reports); n > 0 {
		if why := x.Opening.judge(opened(&o.reports[n-1])); why != "" {
			return why, n - 1
		}
	}
	if !x.States.admit(o.states) && len(o.reports) > 0 {
		return x.judgeStates(o), o.stray
	}
	if why, conn := e.judgeBehind(o); why != "" {
		return why, conn
	}
	if !o.settled {
		return fmt.Sprintf("the sockets did not come to rest within %v", settleTimeout), 0
	}
	return x.judgeRest(o), 0
}

// judgeClient is about what the client did, and how many connections came of it.
func (e *Experiment) judgeClient(o *observed) string {
	want := e.failures()
	if !want.Has(float64(o.failures)) {
		why := fmt.Sprintf("the client failed %d of %d times, expected %s", o.failures, e.Repeat, want)
		if o.failed != nil {
			why += ": " + o.failed.Error()
		}
		return why
	}
	want = e.connections(o.failures)
	if n := len(o.reports); !want.Has(float64(n)) {
		return fmt.Sprintf("there were %d connections, expected %s", n, want)
	}
	return ""
}

// failures is how often the client may fail: what the file says, or never.
func (e *Experiment) failures() Range {
	if e.Expect.Counts.Failures.Set {
		return e.Expect.Counts.Failures
	}
	return Range{Set: true}
}

// connections is how many must be seen: what the file says, or what the client
// makes when it does not fail.
func (e *Experiment) connections(failures int) Range {
	if e.Expect.Counts.Connections.Set {
		return e.Expect.Counts.Connections
	}
	n := float64(max(e.Client.connects(), 1) * (e.Repeat - failures))
	return Range{Min: n, Max: n, Set: true}
}

// Judge compares one connection on the wire with what is expected. The answer is the
// first difference in words, or empty.
func (x *Expect) Judge(r *teardown.Report) string {
	four := x.fourToo && x.Close == teardown.ThreeWay && r.Close == teardown.FourWay
	switch {
	case r.Close != x.Close && !four:
		return fmt.Sprintf("the close is %s, expected %s", r.Close, x.Close)
	case x.ActiveCloser != "" && r.ActiveCloser != x.ActiveCloser:
		return fmt.Sprintf("the active closer is %s, expected %s", r.ActiveCloser, x.ActiveCloser)
	case x.TimeWait != "" && r.TimeWait != x.TimeWait:
		return fmt.Sprintf("TIME_WAIT is at %s, expected %s", r.TimeWait, x.TimeWait)
	case x.ResetBy != "" && r.ResetBy != x.ResetBy:
		return fmt.Sprintf("the RST is from %s, expected %s", r.ResetBy, x.ResetBy)
	case !x.HalfClose.Has(float64(r.HalfCloseBytes)):
		return fmt.Sprintf("%d bytes flowed after the first FIN, expected %s", r.HalfCloseBytes, x.HalfClose)
	case x.AckDelay.Set && (r.AckDelayUS < 0 || !x.AckDelay.Has(millis(r.AckDelayUS))):
		return fmt.Sprintf("the first FIN was acknowledged after %.2f ms, expected %s", millis(r.AckDelayUS), x.AckDelay)
	case !x.FINsAgain.Has(float64(r.FINRetransmissions)):
		return fmt.Sprintf("%d FINs were sent again, expected %s", r.FINRetransmissions, x.FINsAgain)
	case len(x.Segments) > 0 && !four:
		return differ(x.Segments, r.Segments)
	}
	return ""
}

func (x *Expect) judgeStates(o *observed) string {
	var parts []string
	for _, s := range [][3]string{{"client", o.states.Client, x.States.Client}, {"server", o.states.Server, x.States.Server}} {
		if s[1] != s[2] && s[2] != anyState {
			parts = append(parts, fmt.Sprintf("the %s's socket is %s, expected %s", s[0], s[1], s[2]))
		}
	}
	if o.proof != "" {
		parts = append(parts, o.proof)
	}
	return strings.Join(parts, "; ")
}

// judgeRest is about what was looked at when the states were as expected.
func (x *Expect) judgeRest(o *observed) string {
	for i, c := range x.Checks {
		if got := o.prints[i]; got != strings.TrimSpace(c.Prints) {
			return fmt.Sprintf("%s printed %s, expected %s", c.Run, quote(got), quote(c.Prints))
		}
	}
	if !strings.Contains(o.said, x.ServerSays) {
		return fmt.Sprintf("the server's program printed %s, expected %s", quote(o.said), quote(x.ServerSays))
	}
	if ms := float64(o.cpu) / float64(time.Millisecond); !x.Rest.CPU.Has(ms) {
		return fmt.Sprintf("%.1f ms of processor time were taken in %d ms of rest, expected %s", ms, x.Rest.MS, x.Rest.CPU)
	}
	for i, want := range []Range{x.Counts.TimeWaitClient, x.Counts.TimeWaitServer} {
		if n := o.timeWaits[i]; !want.Has(float64(n)) {
			return fmt.Sprintf("%d sockets are in TIME_WAIT at the %s, expected %s", n, [...]string{"client", "server"}[i], want)
		}
	}
	if ms := float64(o.lasted) / float64(time.Millisecond); x.Lasts.Side != "" && !x.Lasts.MS.Has(ms) {
		state := x.States.Server
		if x.Lasts.Side == "client" {
			state = x.States.Client
		}
		return fmt.Sprintf("%s of the %s lasted %.0f ms, expected %s", state, x.Lasts.Side, ms, x.Lasts.MS)
	}
	return ""
}
