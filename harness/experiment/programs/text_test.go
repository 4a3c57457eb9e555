package programs

import (
	"strings"
	"testing"
)

// TestText: what a program said is quoted, and no line is wider than 80 columns.
func TestText(t *testing.T) {
	r := &Result{
		Skipped: []string{"Java: \x1b[31m is not there, nor is anything else of what it takes to make a line longer than the screen"},
		Leaks:   []Leak{{"Python", "error in cycle", 5, 5, 0}},
		Sessions: []Session{{
			Ended: "wait_timeout", Check: "borrow", End: "rollback", LockMS: 1999, Pool: "CLOSE_WAIT", Server: "FIN_WAIT_2", Again: "works", After: "CLOSE_WAIT",
		}, {Ended: "KILL", Check: "none", End: "commit", Again: "it said \x1b[2J"}},
		Loads: []Load{{Pool: "Apache HttpClient, 20/route", AtOnce: 50, Requests: 1234, Seconds: 0.5, Opened: 50, TimeWait: 44}},
		Idles: []Idle{{
			Pool: "Apache HttpClient, 20/route", KeepMS: 60000, ServerMS: 75000, ServerSeconds: 75,
			Client: map[string]int{"CLOSE_WAIT": 10}, Server: map[string]int{"FIN_WAIT_2": 10},
		}},
	}
	var b strings.Builder
	r.Text(&b)
	for line := range strings.SplitSeq(b.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("an escape sequence in %q", b.String())
	}
	if !strings.Contains(b.String(), "  88") { // TIME_WAIT a second
		t.Errorf("no rate in\n%s", b.String())
	}
}
