package reasons

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"lastack/harness/capture/tracepoint"
)

// TestNames: a process is called what it took as its name last, or what /proc says, or, if it
// has ended, what the process was called that forked it.
func TestNames(t *testing.T) {
	proc := t.TempDir()
	for pid, comm := range map[int]string{10: "ten\n", 11: "eleven\n"} {
		dir := filepath.Join(proc, strconv.Itoa(pid))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "comm"), []byte(comm), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := names{proc: proc}
	n.learn(&tracepoint.Record{Kind: tracepoint.Named, PID: 12, TID: 12, Comm: "twelve"})
	n.learn(&tracepoint.Record{Kind: tracepoint.Named, PID: 12, TID: 99, Comm: "a thread"})
	n.learn(&tracepoint.Record{Kind: tracepoint.Forked, PID: 12, TID: 99, Parent: 12})
	n.learn(&tracepoint.Record{Kind: tracepoint.Forked, PID: 13, TID: 13, Parent: 12})
	n.learn(&tracepoint.Record{Kind: tracepoint.Named, PID: 14, TID: 14, Comm: "before"})
	n.learn(&tracepoint.Record{Kind: tracepoint.Forked, PID: 14, TID: 14, Parent: 15}) // its number again
	n.learn(&tracepoint.Record{Kind: tracepoint.Forked, PID: 16, TID: 16, Parent: 16})
	for pid, want := range map[int]string{10: "ten", 11: "eleven", 12: "twelve", 13: "twelve", 14: "", 16: "", 17: ""} {
		if got := n.of(pid); got != want {
			t.Errorf("%d: %q, want %q", pid, got, want)
		}
	}
	// Where /proc is another namespace's, its names are those of others.
	if elsewhere := newNames(proc); elsewhere.of(10) != "" {
		t.Errorf("%q from a /proc that is not this process's", elsewhere.of(10))
	}
	if err := os.Symlink(fmt.Sprint(os.Getpid()), filepath.Join(proc, "self")); err != nil {
		t.Fatal(err)
	}
	if here := newNames(proc); here.of(10) != "ten" {
		t.Error("this process's /proc is not read")
	}
}

func TestNamesAreBounded(t *testing.T) {
	var n names
	for pid := range 2 * maxNames {
		n.learn(&tracepoint.Record{Kind: tracepoint.Named, PID: pid, TID: pid, Comm: "x"})
		n.learn(&tracepoint.Record{Kind: tracepoint.Forked, PID: pid + 1, TID: pid + 1, Parent: pid})
	}
	if len(n.known.m) > maxNames || len(n.known.order) > maxNames || len(n.parents.m) > maxNames {
		t.Errorf("%d names, %d parents", len(n.known.m), len(n.parents.m))
	}
}
