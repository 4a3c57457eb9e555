package churn

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/experiment"
)

// done is a result of 300 connections on 100 ports.
func done(made, first, client, server int) Result {
	r := Result{Mode: "m", Loaded: experiment.Loaded{
		Ports: 100, Attempted: 300, Made: made, Requests: made,
		Failures: map[string]int{}, TimeWait: experiment.TimeWaits{Client: client, Server: server},
	}}
	if first > 0 {
		r.First = &first
		r.Failures[experiment.NoPort] = 300 - made
	}
	return r
}

// TestJudge: each mode takes what it is expected to show, and nothing else.
func TestJudge(t *testing.T) {
	quick := experiment.Loaded{Overflow: 100 * time.Millisecond, Seconds: 1, Life: time.Minute}
	slow := experiment.Loaded{Overflow: 2 * time.Minute, Seconds: 3 * 60, Life: time.Minute}
	few := experiment.Loaded{Seconds: 1, Life: time.Minute}
	broken := done(300, 0, 0, 100)
	broken.Failures["connection reset by peer"] = 1
	kept := func(made, client int) Result {
		r := done(made, 0, client, 0)
		r.Requests = 300
		return r
	}
	for _, tt := range []struct {
		what, mode string
		r          Result
		t          experiment.Loaded
		why        string // "" is a pass
	}{
		{"ports run out", "client-first", done(100, 101, 100, 0), quick, ""},
		{"one port too many", "client-first", done(101, 102, 101, 0), quick, "connection 102 was the first"},
		{"one port too few", "client-first", done(99, 100, 99, 0), quick, "connection 100 was the first"},
		{"none runs out", "client-first", done(300, 0, 100, 0), quick, "expected number 101 to find none"},
		{"TIME_WAIT ends meanwhile", "client-first", done(300, 0, 40, 0), slow, ""},
		{"fewer connections than ports", "client-first", done(50, 0, 50, 0), few, ""},
		{"a TIME_WAIT is missing", "client-first", done(100, 101, 99, 0), quick, "expected 100 to 100"},
		{"TIME_WAIT on the wrong side", "client-first", done(100, 101, 100, 1), quick, "1 connections are in TIME_WAIT on the server"},

		{"the server waits", "server-first", done(300, 0, 0, 37), quick, ""},
		{"nobody waits", "server-first", done(300, 0, 0, 0), quick, "expected 1 to 100"},
		{"the client waits", "server-first", done(300, 0, 2, 98), quick, "2 connections are in TIME_WAIT on the client"},
		{"a port is missing", "server-first", done(299, 250, 0, 99), quick, "connection 250 found no port"},
		{"a connection breaks", "server-first", broken, quick, "1 of 300 connections failed: connection reset by peer"},

		{"one connection", "keep-alive", kept(1, 1), quick, ""},
		{"two connections", "keep-alive", kept(2, 2), quick, "2 connections were made, expected 1"},
		{"a pool", "pool", kept(10, 10), quick, ""},
		{"a pool's TIME_WAIT", "pool", kept(10, 9), quick, "9 connections are in TIME_WAIT"},

		{"ports are reused", "tw-reuse", done(300, 0, 100, 0), quick, ""},
		{"ports are not reused", "tw-reuse", done(100, 101, 100, 0), quick, "connection 101 found no port"},
		{"nothing works", "tw-reuse", done(0, 0, 0, 0), quick, "no connection was made"},
	} {
		m, err := ParseMode(tt.mode)
		if err != nil {
			t.Fatal(err)
		}
		l := tt.r.Loaded
		l.Overflow, l.Seconds, l.Life = tt.t.Overflow, tt.t.Seconds, tt.t.Life
		why := m.file.JudgeLoad(&l)
		if (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
			t.Errorf("%s, %s: %q, want %q", tt.mode, tt.what, why, tt.why)
		}
	}
}

func TestPassed(t *testing.T) {
	pass, fail := Result{Verdict: experiment.Pass}, Result{Verdict: experiment.Fail}
	if !Passed([]Result{pass, pass}) || Passed([]Result{pass, fail}) || Passed(nil) {
		t.Error("passes only what passed, and not nothing")
	}
}
