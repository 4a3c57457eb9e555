package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastack/harness/capture"
)

// liveRun is the command under way.
type liveRun struct {
	cmd   *exec.Cmd
	lines chan string // of standard output
	errs  chan string // of standard error
}

// startLive starts "lastack explain --csv" with arguments, and returns when it captures.
func startLive(t *testing.T, args ...string) *liveRun {
	t.Helper()
	return startExplain(t, append([]string{"--csv"}, args...)...)
}

func startExplain(t *testing.T, args ...string) *liveRun {
	t.Helper()
	// The /proc is the lab's own, for explain to find its threads (privilege.ErrProc); a
	// namespace that is named by its file in the outer one is bound to another before.
	bind := ""
	for i, a := range args {
		if strings.HasPrefix(a, "/proc/") {
			args[i] = filepath.Join(t.TempDir(), "netns")
			bind = "touch " + args[i] + " && mount --bind " + a + " " + args[i] + " && "
		}
	}
	r := &liveRun{cmd: exec.CommandContext(t.Context(), "sh",
		append([]string{"-c", bind + `mount -t proc proc /proc && exec "$0" explain "$@"`, asLastack(t)}, args...)...)}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	r.cmd.Env = append(os.Environ(), "NO_COLOR=1")
	r.cmd.Cancel = func() error { return r.cmd.Process.Signal(os.Interrupt) }
	r.cmd.WaitDelay = 5 * time.Second
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.lines, r.errs = linesOf(out), linesOf(said)
	for line := range r.errs {
		if strings.HasPrefix(line, "lastack: capturing on ") {
			return r
		}
		t.Log(line)
	}
	t.Fatalf("%v does not capture", args)
	return nil
}

func linesOf(r io.Reader) chan string {
	lines := make(chan string, 10_000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// finish ends the command once it has printed n connections, and returns what it said of
// them.
func (r *liveRun) finish(t *testing.T, n int) []string {
	t.Helper()
	var table []string
	for len(table) < n+1 {
		line, ok := <-r.lines
		if !ok {
			break
		}
		table = append(table, line)
	}
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	return r.end(t, table)
}

// end waits for the command to end by itself.
func (r *liveRun) end(t *testing.T, table []string) []string {
	t.Helper()
	for line := range r.lines {
		table = append(table, line)
	}
	for line := range r.errs {
		t.Errorf("%v said %s", r.cmd.Args, line)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("%v: %v", r.cmd.Args, err)
	}
	return untimed(t, strings.Join(table, "\n"))
}

// untimed are the rows of a table in order, without what two captures of a connection may
// differ in: numbers and times.
func untimed(t *testing.T, table string) (rows []string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v: %s", err, table)
	}
	for _, row := range all[1:] {
		for i, name := range all[0] {
			if name == "n" || name == "start" || name == "reason" || strings.HasSuffix(name, "_us") {
				row[i] = "-"
			}
		}
		rows = append(rows, strings.Join(row, ","))
	}
	slices.Sort(rows)
	return rows
}

func explainFile(t *testing.T, path string) []string {
	t.Helper()
	out, err := exec.Command(asLastack(t), "explain", "--csv", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return untimed(t, string(out))
}

// writeAll writes what a source still has to a file.
func writeAll(t *testing.T, s capture.Source, path string) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f, capture.WriterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	packets, err := capture.ReadAll(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// text is everything the command prints until it ends by itself. It may say what is
// expected.
func (r *liveRun) text(t *testing.T, expected ...string) string {
	t.Helper()
	var all strings.Builder
	for line := range r.lines {
		fmt.Fprintln(&all, line)
	}
	for line := range r.errs {
		if !slices.ContainsFunc(expected, func(e string) bool { return strings.HasPrefix(line, e) }) && !strings.Contains(line, "went down; waiting") {
			t.Errorf("%v said %s", r.cmd.Args, line)
		}
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("%v: %v", r.cmd.Args, err)
	}
	return all.String()
}
