// Package labtest runs a test inside a lab, from plain "go test":
//
//	func TestKernelCloses(t *testing.T) {
//		if !labtest.Inside(t) {
//			return
//		}
//		// root here, in network and PID namespaces of this test's own
//	}
//
// Outside, Inside starts the test binary again in a lab for this one test and
// reports what came of it; inside it returns true and the body runs. Each such
// test has a network of its own, so any number may run at once. Nothing else is
// needed, no TestMain in particular.
//
// Where the machine allows no lab, the test is skipped and says why and how to fix that.
// With LASTACK_REQUIRE_LAB=1 in the environment it fails instead.
//
// The run inside is a process of its own: what the test binary keeps in memory
// outside is not there, and coverage is not collected from it.
package labtest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"lastack/harness/lab"
)

// RequireEnv set to "1" turns a skip without a lab into a failure.
const RequireEnv = "LASTACK_REQUIRE_LAB"

// margin is kept from the outer deadline, so that a test that hangs inside is
// stopped there, where its goroutines can be seen.
const margin = 2 * time.Second

// Inside reports whether the test runs inside a lab, with loopback up. If it does
// not, Inside runs it there before it returns false: its output is logged, its
// failure and its skip become this test's, and so does its absence.
// It is called from the test's own goroutine, first of all.
func Inside(t *testing.T) bool {
	t.Helper()
	if lab.Inside() {
		if err := lab.Setup(); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if err := lab.Check(); err != nil {
		if os.Getenv(RequireEnv) == "1" {
			t.Fatalf("%s=1, but there is no lab here: %v", RequireEnv, err)
		}
		t.Skipf("needs a lab: %v", err)
	}
	out := &recorder{dst: t.Output()}
	code, err := lab.Reexec(t.Context(), lab.Options{
		Args:   arguments(t),
		Stdin:  bytes.NewReader(nil),
		Stdout: out,
		Stderr: out,
		// An interrupt ends the whole test binary, and with it the lab.
		LeaveSignals: true,
	})
	out.flush()
	if err != nil {
		t.Fatal(err)
	}
	switch verdict, reason := read(out.lines, t.Name()); {
	case code != 0 || verdict == "FAIL":
		t.Fatalf("failed inside the lab (exit status %d); its output is above", code)
	case verdict == "SKIP":
		t.Skipf("skipped inside the lab: %s", reason)
	case verdict != "PASS":
		t.Fatalf("did not run inside the lab: its output has no verdict of %s", t.Name())
	}
	return false
}

// arguments are the test binary's for exactly this test.
func arguments(t *testing.T) []string {
	args := []string{"-test.run=" + pattern(t.Name()), "-test.v=true", "-test.count=1"}
	if testing.Short() {
		args = append(args, "-test.short=true")
	}
	if deadline, ok := t.Deadline(); ok {
		left := max(time.Until(deadline)-margin, time.Second)
		args = append(args, "-test.timeout="+left.Round(time.Millisecond).String())
	} else {
		args = append(args, "-test.timeout=0")
	}
	// Flags of the test package itself, such as -update, hold inside too.
	flag.Visit(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") {
			args = append(args, fmt.Sprintf("-%s=%s", f.Name, f.Value))
		}
	})
	return args
}

// pattern matches the one test or subtest of this name, with its subtests.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

// read finds the test's verdict in the output of a verbose run: "PASS", "FAIL",
// "SKIP", or "" if there is none. reason is the last line before a skip.
func read(lines []string, name string) (verdict, reason string) {
	for i, line := range lines {
		rest, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "--- ")
		v, rest, _ := strings.Cut(rest, ": ")
		if got, _, _ := strings.Cut(rest, " ("); !ok || got != name {
			continue
		}
		verdict = v
		if i > 0 {
			reason = strings.TrimSpace(lines[i-1])
		}
	}
	return verdict, reason
}

// recorder keeps the lines written to it and passes them on marked, so that
// no reader of this test's output takes an inner verdict for one of its own.
type recorder struct {
	mu    sync.Mutex
	dst   io.Writer
	lines []string
	part  []byte
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.part = append(r.part, p...)
	for {
		i := bytes.IndexByte(r.part, '\n')
		if i < 0 {
			return len(p), nil
		}
		if err := r.line(string(r.part[:i])); err != nil {
			return 0, err
		}
		r.part = r.part[i+1:]
	}
}

func (r *recorder) line(s string) error {
	r.lines = append(r.lines, s)
	_, err := fmt.Fprintf(r.dst, "lab| %s\n", s)
	return err
}

// flush ends the last line if the output did not.
func (r *recorder) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.part) > 0 {
		_ = r.line(string(r.part)) // t.Output cannot fail while the test runs
		r.part = nil
	}
}
