package programs

import (
	"slices"
	"strings"
	"testing"

	"lastack/harness/lab/labtest"
)

// tried makes a trial, and skips the test if nothing of it could be.
func tried(t *testing.T, trial Trial, cfg Config) *Result {
	t.Helper()
	r, err := Run(t.Context(), trial, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Text(t.Output())
	if r.Empty() {
		t.Skip(strings.Join(r.Skipped, "; "))
	}
	return r
}

// TestLeaks: a connection that a handler forgot is in CLOSE_WAIT until it is collected,
// in CPython at once; one that something still refers to stays.
func TestLeaks(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	want := []Leak{
		{"Python", "dropped", 5, 0, 0}, {"Python", "error in cycle", 5, 5, 0}, {"Python", "error kept", 5, 5, 5}, {"Python", "with statement", 5, 0, 0},
		{"Java", "dropped", 5, 5, 0}, {"Java", "kept in a map", 5, 5, 5}, {"Java", "try with resources", 5, 0, 0},
		{"Go", "dropped", 5, 5, 0}, {"Go", "kept in a list", 5, 5, 5}, {"Go", "defer", 5, 0, 0},
	}
	r := tried(t, Leaks, Config{})
	for _, got := range r.Leaks {
		if !slices.Contains(want, got) {
			t.Errorf("%+v", got)
		}
	}
	for _, w := range want {
		skipped := slices.ContainsFunc(r.Skipped, func(s string) bool { return strings.HasPrefix(s, w.Language+": ") })
		if there := slices.Contains(r.Leaks, w); there == skipped {
			t.Errorf("%s %s: measured %v, skipped %v", w.Language, w.Handler, there, skipped)
		}
	}
}

// TestDatabase: how the transaction ended makes no difference to the sockets, and how the
// server ended the session does.
func TestDatabase(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, s := range tried(t, Database, Config{}).Sessions {
		pool, server, then := "CLOSED", "CLOSED", "CLOSED"
		switch {
		case s.Check == "idle":
			pool, server, then = "ESTABLISHED", "ESTABLISHED", "ESTABLISHED"
		case s.Ended == "KILL":
			pool, server = "CLOSE_WAIT", "FIN_WAIT_2"
			if s.End == "leak" {
				then = "CLOSE_WAIT"
			}
		}
		if s.Pool != pool || s.Server != server || s.After != then {
			t.Errorf("%+v: want %s, %s, then %s", s, pool, server, then)
		}
		if looks := s.Check != "none"; looks != (s.Again == works) {
			t.Errorf("%+v", s)
		}
		if locked := s.End == "leak" && s.Ended != "KILL"; locked != (s.LockMS > waitTimeout.Milliseconds()/2) {
			t.Errorf("%+v: the row was locked for %d ms", s, s.LockMS)
		}
	}
}

// TestPools: against the kernel and against lastack, a pool with the claim's figures opens
// no more connections than it may and closes none under load.
func TestPools(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, cfg := range []Config{{}, {Lastack: true}} {
		r := tried(t, Pools, cfg)
		for _, l := range r.Loads {
			if l.Failed > 0 || l.Requests < l.AtOnce || l.Opened == 0 {
				t.Errorf("%+v", l)
			}
			if l.Figures && (l.Opened > aRoute || l.TimeWait > 0) {
				t.Errorf("%+v: want at most %d connections, and none closed", l, aRoute)
			}
			if l.Pool == "Go" && l.AtOnce == 50 && l.TimeWait == 0 {
				t.Errorf("%+v: a pool that keeps 2 closed none", l)
			}
		}
		for _, i := range r.Idles {
			if i.Failed > 0 || i.Opened == 0 || i.ClientFirst+i.ServerFirst < i.Opened {
				t.Errorf("%+v", i)
			}
			// Go's pool and Java's look at their idle connections; Apache's does when it is used.
			waits := i.Client["CLOSE_WAIT"]
			if waits > 0 && strings.HasPrefix(i.Pool, "Go") || waits != i.Opened && strings.HasPrefix(i.Pool, "Apache") {
				t.Errorf("%+v: %d in CLOSE_WAIT", i, waits)
			}
		}
	}
}
