package lab_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

func TestCommandOutput(t *testing.T) {
	out, err := lab.Command(t.Context(), "sh", "-c", "echo out; echo err >&2; exit 3").Output()
	var exit *exec.ExitError
	if string(out) != "out\n" || !errors.As(err, &exit) || exit.ExitCode() != 3 || string(exit.Stderr) != "err\n" {
		t.Errorf("output %q, error %v, standard error in it %q", out, err, exit.Stderr)
	}
	both, err := lab.Command(t.Context(), "sh", "-c", "echo out; echo err >&2").CombinedOutput()
	if string(both) != "out\nerr\n" || err != nil {
		t.Errorf("combined output %q, %v", both, err)
	}
}

func TestCommandMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	tests := []struct{ program, mend string }{
		{"no-such-program", "install it, or give its path"},
		{"curl", "sudo apt-get install curl"},
		{"nc.openbsd", "sudo apt-get install netcat-openbsd"},
	}
	for _, tt := range tests {
		err := lab.Command(t.Context(), tt.program).Run()
		var missing *lab.MissingError
		if !errors.As(err, &missing) || !errors.Is(err, exec.ErrNotFound) || missing.Mend != tt.mend {
			t.Errorf("%s: %v, want %s", tt.program, err, tt.mend)
		}
	}
}

// TestCommandEndsWithContext: the program's children go with it.
func TestCommandEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := lab.Command(ctx, "sh", "-c", "sleep 600 & echo ready; wait")
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(watchdog)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := r.Read(buf); string(buf[:n]) != "ready\n" || err != nil {
		t.Fatalf("read %q: %v", buf[:n], err)
	}
	cancel()
	if err := cmd.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: %v, want context.Canceled", err)
	}
	if n, err := r.Read(buf); n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("after the end the output gives %q, %v; want EOF", buf[:n], err)
	}
}

// TestCommandStaysInNamespace starts a program from Do, whose thread ends before
// the program does: it must neither die with the thread nor be elsewhere.
func TestCommandStaysInNamespace(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	far, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	var home, away string
	for _, into := range []struct {
		inode *string
		in    func(func() error) error
	}{{&home, func(fn func() error) error { return fn() }}, {&away, far.Do}} {
		cmd := lab.Command(t.Context(), "sh", "-c", "read line; readlink /proc/self/ns/net")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		cmd.Stdout = &out
		if err := into.in(cmd.Start); err != nil {
			t.Fatal(err)
		}
		// Another thread's end would be late to strike; give it every chance.
		for range 50 {
			if err := far.Do(func() error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("the program did not live: %v", err)
		}
		*into.inode = out.String()
	}
	if home == away || !strings.HasPrefix(away, "net:[") {
		t.Errorf("started at home it was in %q, from Do in %q", home, away)
	}
}

func TestNetcat(t *testing.T) {
	// These answer "-h" the way each netcat does.
	write := func(dir, name, help string) string {
		path := filepath.Join(dir, name)
		script := "#!/bin/sh\ncat >&2 <<'END'\n" + help + "\nEND\nexit 1\n"
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const traditional = "[v1.10-47]\nconnect to somewhere:\tnc [-options] hostname port[s] [ports] ...\n\t-n\t\tnumeric-only IP addresses, no DNS"
	const openbsd = "OpenBSD netcat\nusage: nc [-46CDdFhklNnrStUuvZz]\n\t\t-N\t\tShutdown the network socket after EOF on stdin"
	system := os.Getenv("PATH")

	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+system)
	old := write(dir, "nc", traditional)
	right := write(dir, "nc.openbsd", openbsd)
	if got, err := lab.Netcat(); got != right || err != nil {
		t.Errorf("Netcat() = %q, %v; want %q", got, err, right)
	}
	write(dir, "nc.openbsd", traditional)
	write(dir, "netcat", traditional)
	_, err := lab.Netcat()
	var missing *lab.MissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), old) || !strings.Contains(missing.Mend, "netcat-openbsd") {
		t.Errorf("with traditional netcats only: %v", err)
	}
	write(dir, "nc", openbsd)
	if got, err := lab.Netcat(); got != old || err != nil {
		t.Errorf("Netcat() = %q, %v; want %q", got, err, old)
	}
}

// TestOrphansAreReaped: dead orphans vanish, while the children of os/exec keep
// their status for whoever waits for them late.
func TestOrphansAreReaped(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	late := exec.Command("sh", "-c", "exit 42")
	if err := late.Start(); err != nil {
		t.Fatal(err)
	}
	awaitZombies(t, 1)
	// The shell ends before its child does, so the child comes to PID 1. Its
	// death is seen when the pipe it holds closes.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	orphan := exec.Command("sh", "-c", "sleep 0.1 >&3 &")
	orphan.ExtraFiles = []*os.File{w}
	err = orphan.Run()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	if err := late.Wait(); late.ProcessState.ExitCode() != 42 {
		t.Errorf("a child waited for late ended with %v, want exit status 42", err)
	}
	awaitZombies(t, 0)
}

// awaitZombies waits until this process has n dead children.
func awaitZombies(t *testing.T, n int) {
	t.Helper()
	self, err := os.Readlink("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	got := -1
	for deadline := time.Now().Add(watchdog); time.Now().Before(deadline); {
		got = 0
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, path := range stats {
			b, _ := os.ReadFile(path) // empty if it is gone
			_, rest, _ := strings.Cut(string(b), ") ")
			fields := strings.Fields(rest)
			if len(fields) > 1 && fields[0] == "Z" && fields[1] == self {
				got++
			}
		}
		if got == n {
			return
		}
	}
	t.Fatalf("%s dead children, want %s", strconv.Itoa(got), strconv.Itoa(n))
}
