package experiment

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lastack/harness/teardown"
)

// Verdicts of a Result.
const (
	Pass    = "pass"
	Fail    = "fail"
	Skipped = "skip"
)

// Result is what an experiment came to on one subject.
type Result struct {
	Experiment string `json:"experiment"`
	Subject    string `json:"subject"`
	Verdict    string `json:"verdict"`
	// Why is the first difference between expected and seen in a fail, and the
	// reason and what to do about it in a skip; empty in a pass.
	Why string `json:"why,omitempty"`
	// Missing is the error behind a skip that this machine is the reason for.
	Missing error `json:"-"`
	// Altered is what was set or done to the wire beside what the file says.
	Altered []string `json:"altered,omitempty"`
	// Attempts is how often it was tried: a busy machine is late, which a
	// further attempt tells from a difference. 0 in a skip.
	Attempts int `json:"attempts"`
	// Excused of the attempts failed while this process was kept from running for longer
	// than experiments leave to chance.
	Excused int `json:"excused,omitempty"`
	// TookMS is how long all attempts took together.
	TookMS int64 `json:"took_ms"`
	// Died is how a subject that is a program, or a proxy, died, with the last that it printed.
	Died string `json:"died,omitempty"`
	// LateMS is how long, in the last attempt, this process was kept from running:
	// on a busy machine applications are late.
	LateMS float64 `json:"late_ms"`
	// Earlier is why the attempts before the last failed.
	Earlier []string `json:"earlier,omitempty"`

	// Close, ActiveCloser, TimeWait and Segments are those of the connection in
	// Report, which is the first, or the one that differs.
	Close        teardown.Kind    `json:"close,omitempty"`
	ActiveCloser teardown.Who     `json:"active_closer,omitempty"`
	TimeWait     teardown.Who     `json:"time_wait,omitempty"`
	Segments     []teardown.Line  `json:"segments,omitempty"`
	Report       *teardown.Report `json:"report,omitempty"`
	// All are the reports of every connection of the last attempt.
	All []teardown.Report `json:"-"`
	// Witness is what captured the packets, and Compared holds lastack's own trace
	// against it, if Config.Trace asked for that.
	Witness  string         `json:"-"`
	Compared *teardown.Diff `json:"compared,omitempty"`
	// States are those of the sockets, as their owners told.
	States *Ends `json:"states,omitempty"`

	Connections int `json:"connections"`
	// Failures counts what the client could not carry through, Failure is the
	// first of them.
	Failures int    `json:"failures"`
	Failure  string `json:"failure,omitempty"`
	// Load is what a load came to.
	Load *Loaded `json:"load,omitempty"`
	// Errors are those of the client's steps, those that were expected included.
	Errors         []StepError `json:"errors,omitempty"`
	TimeWaitClient int         `json:"time_wait_client"`
	TimeWaitServer int         `json:"time_wait_server"`
	// LastedMS is how long the state lasted that the experiment is about.
	LastedMS float64 `json:"lasted_ms,omitempty"`
	// CPUMS is the processor time that a rest took.
	CPUMS float64 `json:"cpu_ms,omitempty"`
	// ServerSaid is what the server's program printed.
	ServerSaid string `json:"server_said,omitempty"`
	// Impaired counts the segments that fell to each rule.
	Impaired map[string]int `json:"impaired,omitempty"`
	// Opened is how the latest connection began.
	Opened *Opened `json:"opened,omitempty"`
	// Answers are what crafted segments got.
	Answers []Answer `json:"answers,omitempty"`
	// Prints are what the checks printed.
	Prints []string `json:"prints,omitempty"`
	// Behind is the server's leg, where something stands between client and server.
	Behind *Leg `json:"behind,omitempty"`
	// Capture is the file that the packets of the last attempt were kept in.
	Capture string `json:"capture,omitempty"`
}

// Ends are the states of both sockets.
type Ends struct {
	Client string `json:"client"`
	Server string `json:"server"`
}

// settle fills in what an attempt came to, and the verdict.
func (r *Result) settle(e *Experiment, o *observed) {
	if r.Why != "" {
		r.Earlier = append(r.Earlier, r.Why)
	}
	r.Witness, r.Compared = o.witness, o.compared
	why, conn := e.judge(o)
	if why == "" && r.distrusted() {
		why = fmt.Sprintf("lastack's trace and %s's differ: %s", r.Witness, r.Compared.First)
	}
	r.Why, r.Verdict = why, Pass
	if why != "" {
		r.Verdict = Fail
	}
	r.Attempts++
	r.Died = o.died
	r.Connections, r.Failures, r.Failure = len(o.reports), o.failures, ""
	if o.failed != nil {
		r.Failure = o.failed.Error()
	}
	if r.Load = o.load; o.load != nil {
		r.Connections, r.Failures = o.load.Made, o.load.Attempted-o.load.Made
		r.Failure = strings.Join(slices.Sorted(maps.Keys(o.load.Failures)), ", ")
		o.timeWaits = [2]int{o.load.TimeWait.Client, o.load.TimeWait.Server}
	}
	r.TimeWaitClient, r.TimeWaitServer = o.timeWaits[0], o.timeWaits[1]
	r.LastedMS, r.Prints = float64(o.lasted.Microseconds())/1000, o.prints
	r.LateMS = float64(o.late.Microseconds()) / 1000
	r.CPUMS, r.ServerSaid = float64(o.cpu.Microseconds())/1000, o.said
	r.Impaired, r.Errors, r.Answers = o.hits, o.errors, o.answers
	r.All, r.Report, r.States, r.Segments = o.reports, nil, nil, nil
	r.Close, r.ActiveCloser, r.TimeWait = "", "", ""
	r.Opened = nil
	if n := len(o.reports); n > 0 {
		latest := opened(&o.reports[n-1])
		r.Opened = &latest
	}
	if conn < len(o.reports) {
		rep := &o.reports[conn]
		r.Report, r.States = rep, &Ends{o.states.Client, o.states.Server}
		r.Close, r.ActiveCloser, r.TimeWait, r.Segments = rep.Close, rep.ActiveCloser, rep.TimeWait, rep.Segments
	}
	r.Behind = e.behind(o, conn)
}

// distrusted reports that lastack's trace is not what the witness saw, which no busy
// machine excuses.
func (r *Result) distrusted() bool { return r.Compared != nil && !r.Compared.Same }

// unmeasured reports whether a failure may be the machine's own, which was as late as that when
// it was least late. A program's end is not.
func (r *Result) unmeasured(late time.Duration) bool {
	return r.Verdict == Fail && r.Excused == r.Attempts && late >= hopeless && r.Died == "" && !r.distrusted()
}

// skip makes the result one that was not tried.
func (r *Result) skip(format string, args ...any) *Result {
	r.Verdict, r.Why = Skipped, fmt.Sprintf(format, args...)
	return r
}

// Passed reports whether nothing failed and something was run or skipped.
func Passed(results []Result) bool {
	for i := range results {
		if results[i].Verdict == Fail {
			return false
		}
	}
	return len(results) > 0
}

// WithUnrun is the results of a Run that ended early, with a Skipped one, for that reason, for
// each experiment and subject that it did not come to.
func WithUnrun(all []*Experiment, subjects []string, results []Result, why string) []Result {
	whole := slices.Clone(results)
	for _, e := range all {
		for _, s := range subjects {
			if !slices.ContainsFunc(results, func(r Result) bool { return r.Experiment == e.Name && r.Subject == s }) {
				whole = append(whole, Result{Experiment: e.Name, Subject: s, Verdict: Skipped, Why: why})
			}
		}
	}
	return whole
}
