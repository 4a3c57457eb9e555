package reasons

import (
	"bufio"
	"io"
	"maps"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"lastack/harness/lab/labtest"
)

// TestBesidePerf: perf, which reads the same tracepoints by code of its own, has the same
// reason for each RST.
func TestBesidePerf(t *testing.T) {
	if _, err := exec.LookPath("perf"); err != nil {
		t.Skipf("needs perf (sudo apt-get install linux-perf): %v", err)
	}
	if !labtest.Inside(t) {
		return
	}
	s := open(t)
	if len(s.Reasons()) == 0 {
		t.Skip("this kernel has no words for why it sends a RST")
	}
	file := filepath.Join(t.TempDir(), "perf.data")
	stop := recordPerf(t, file)
	start := time.Now()
	got := map[string]string{} // "" where there is none
	for i := range 90 {
		c, d := pair(t)
		switch i % 3 {
		case 0:
			_, _ = c.SetLinger(0), c.Close()
			_, _ = io.Copy(io.Discard, d)
		case 1:
			_, _ = d.Write([]byte("x"))
			_, _ = c.Close(), d.Close()
		case 2:
			_ = c.Close()
			_, _ = io.Copy(io.Discard, d)
			_, _ = d.Write([]byte("x"))
		}
		q := query(c, start, Client, true)
		key := q.Client.String() + " " + q.Server.String()
		got[key] = ""
		if k := s.Of(q); k != nil {
			got[key] = k.Reason
		}
		_ = d.Close()
	}
	stop()
	want := perfResets(t, file)
	if len(want) == 0 {
		t.Skip("perf recorded nothing here")
	}
	// perf heard the whole machine.
	maps.DeleteFunc(want, func(key, _ string) bool { _, is := got[key]; return !is })
	if !maps.Equal(got, want) || len(got) != 90 {
		t.Errorf("%d reasons here, %d of perf\nhere %v\nperf %v", len(got), len(want), got, want)
	}
}

// recordPerf records RSTs until stop is called; it returns once that has begun.
func recordPerf(t *testing.T, file string) (stop func()) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", `mount -t proc proc /proc
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
exec perf record -a -e tcp:tcp_send_reset -o "$0" -- sh -c "echo begun; read end"`, file)
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	c.Stderr = t.Output()
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "begun\n" {
		_ = c.Wait()
		t.Skipf("perf does not record here: %q, %v", line, err)
	}
	return func() {
		_, _ = io.WriteString(in, "\n")
		if err := c.Wait(); err != nil {
			t.Logf("perf record: %v", err)
		}
	}
}

var perfLine = regexp.MustCompile(`src=(\S+) dest=(\S+) .*reason=(\w+)`)

// perfResets are the reasons in perf's file, by sender and receiver on loopback.
func perfResets(t *testing.T, file string) map[string]string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "perf", "script", "-i", file, "-F", "event,trace")
	out, err := c.Output()
	if err != nil {
		t.Skipf("perf script: %v", err)
	}
	resets := map[string]string{}
	for _, m := range perfLine.FindAllStringSubmatch(string(out), -1) {
		if host, _, err := net.SplitHostPort(m[1]); err == nil && host == "127.0.0.1" {
			resets[m[1]+" "+m[2]] = m[3]
		}
	}
	return resets
}
