package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// served is a "lastack serve" of its own process.
type served struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bytes.Buffer // of both outputs
	mu    sync.Mutex
	more  chan struct{}
	ended chan struct{} // closed when the process is over
}

// startServe runs serve behind a shell command, and waits until it is ready. The /proc is the
// lab's own, for serve to find its threads (privilege.ErrProc).
func startServe(t *testing.T, before string, args ...string) *served {
	t.Helper()
	s := &served{t: t, lines: new(bytes.Buffer), more: make(chan struct{}, 1), ended: make(chan struct{})}
	s.cmd = exec.Command("sh", append([]string{"-c", "mount -t proc proc /proc && " + before + `exec "$0" serve "$@"`, program(t)}, args...)...)
	s.cmd.Env = append(os.Environ(), "SUDO_UID=4711", "SUDO_GID=4712")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // its status is asked for
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
	})
	s.wait("ready;")
	return s
}

// program is this test binary by the name under which it is the command.
func program(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "lastack")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	return name
}

func (s *served) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.lines.Write(b)
}

func (s *served) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines.String()
}

// wait waits until it has said something.
func (s *served) wait(what string) {
	s.t.Helper()
	for !strings.Contains(s.text(), what) {
		select {
		case <-s.more:
		case <-s.ended:
			s.t.Fatalf("it ended without %q in:\n%s", what, s.text())
		case <-time.After(20 * time.Second):
			s.t.Fatalf("no %q in:\n%s", what, s.text())
		}
	}
}

// end interrupts it and returns its exit status.
func (s *served) end() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	<-s.ended
	return s.cmd.ProcessState.ExitCode()
}

// outside is the number of the process in this test's /proc, which is not the lab's own.
func (s *served) outside() string {
	s.t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		s.t.Fatal(err)
	}
	self, err := os.Readlink("/proc/self")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		status, _ := os.ReadFile(file) // gone by now, maybe
		if strings.Contains(string(status), "\nPPid:\t"+self+"\n") && strings.HasPrefix(string(status), "Name:\tlastack\n") {
			return filepath.Base(filepath.Dir(file))
		}
	}
	s.t.Fatal("serve is not in /proc")
	return ""
}

func fetchBytes(t *testing.T, n int) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--noproxy", "*", fmt.Sprintf("http://10.77.0.2/bytes/%d", n)).Output()
	if err != nil || len(out) != n {
		t.Fatalf("curl: %d bytes of %d, %v", len(out), n, err)
	}
}

// isRoot reports whether the lab's root is root outside too.
func isRoot(t *testing.T) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ") == "0 0 4294967295"
}

// TestServeGivesUpItsPrivileges: every thread is the user's that called sudo, without a
// capability, and the files that it writes to it had opened before.
func TestServeGivesUpItsPrivileges(t *testing.T) {
	if !lab.Inside() {
		needLab(t)
	}
	if !labtest.Inside(t) {
		return
	}
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "c.pcapng"), filepath.Join(dir, "s")
	s := startServe(t, "", "--pcapng", file, "--control", socket)
	fetchBytes(t, 10)
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%s/task/*/status", s.outside()))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	for _, thread := range threads {
		status, err := os.ReadFile(thread)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		want := []string{"CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n"}
		if isRoot(t) {
			want = append(want, "Uid:\t4711\t4711\t4711\t4711\n", "Gid:\t4712\t4712\t4712\t4712\n", "Groups:\t \n")
		}
		for _, line := range want {
			if !strings.Contains(string(status), line) {
				t.Errorf("%s (%v) has no line %q:\n%s", thread, err, line, status)
			}
		}
	}
	if code := s.end(); code != 0 {
		t.Errorf("exit status %d:\n%s", code, s.text())
	}
	if n := packets(t, file); n < 8 {
		t.Errorf("%d packets recorded", n)
	}
	// Root's folder is not the user's to remove the socket from.
	if left := strings.Contains(s.text(), "let the next host replace it"); left != isRoot(t) {
		t.Errorf("root %v, but a socket left is told of: %v\n%s", isRoot(t), left, s.text())
	}
	s = startServe(t, "", "--control", socket)
	if code := s.end(); code != 0 {
		t.Errorf("where a socket was left: exit status %d:\n%s", code, s.text())
	}
}

// packets counts those of a file that is whole.
func packets(t *testing.T, file string) (n int) {
	t.Helper()
	f, err := capture.Open(file, capture.OpenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for ; ; n++ {
		if _, err := f.Next(); err == io.EOF {
			return n
		} else if err != nil {
			t.Fatalf("after %d packets: %v", n, err)
		}
	}
}

// TestFullDiskEndsTheRecordingAlone: the host goes on, and the file is whole up to where
// it ends.
func TestFullDiskEndsTheRecordingAlone(t *testing.T) {
	if !lab.Inside() {
		needLab(t)
	}
	if !labtest.Inside(t) {
		return
	}
	dir := t.TempDir()
	s := startServe(t, `mount -t tmpfs -o size=64k tmpfs "$2" && cd "$2" && set -- --pcapng c.pcapng --control "" && `, "--pcapng", dir)
	fetchBytes(t, 10)
	s.wait(" first") // its line, so that it is in the file by itself
	fetchBytes(t, 200_000)
	s.wait("the host goes on without")
	fetchBytes(t, 200_000)
	var told int
	at := strings.Index(s.text(), "warning: recording to")
	if _, err := fmt.Sscanf(s.text()[max(at, 0):], "warning: recording to c.pcapng ended after %d packets: ", &told); err != nil {
		t.Errorf("%v in:\n%s", err, s.text())
	}
	if n := packets(t, fmt.Sprintf("/proc/%s/root%s/c.pcapng", s.outside(), dir)); n != told || n == 0 {
		t.Errorf("%d packets in the file, and it tells of %d", n, told)
	}
	if code := s.end(); code != exitFailed {
		t.Errorf("exit status %d, want %d, for the recording is not whole", code, exitFailed)
	}
	if !strings.Contains(s.text(), "3 connections") || strings.Count(s.text(), "warning:") != 1 {
		t.Errorf("want three connections, and one warning:\n%s", s.text())
	}
}

// TestFailedStartDestroysNothing: what a file has in it stays if the host cannot start, and
// while another writes it.
func TestFailedStartDestroysNothing(t *testing.T) {
	if !lab.Inside() {
		needLab(t)
	}
	if !labtest.Inside(t) {
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "c.pcapng")
	if err := os.WriteFile(file, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.pcapng")
	s := startServe(t, "", "--pcapng", other, "--control", filepath.Join(dir, "s"))
	fetchBytes(t, 10)
	for name, args := range map[string][]string{
		"a device in use":         {"--pcapng", file},
		"an address in use":       {"--pcapng", file, "--tun", "lastack1"},
		"a control socket in use": {"--pcapng", file, "--tun", "lastack1", "--kernel-addr", "10.78.0.1/24", "--control", filepath.Join(dir, "s")},
		"a file in use":           {"--pcapng", other, "--tun", "lastack1", "--kernel-addr", "10.78.0.1/24", "--control", ""},
		"no such folder":          {"--pcapng", filepath.Join(dir, "none", "f"), "--tun", "lastack1", "--kernel-addr", "10.78.0.1/24", "--control", ""},
	} {
		out, err := exec.CommandContext(t.Context(), program(t), append([]string{"serve"}, args...)...).CombinedOutput()
		if err == nil || bytes.Count(out, []byte("\n")) != 1 {
			t.Errorf("%s: %v, and not one line:\n%s", name, err, out)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != "precious" {
			t.Errorf("%s: the file has %q, %v", name, got, err)
		}
	}
	if code := s.end(); code != 0 {
		t.Errorf("exit status %d:\n%s", code, s.text())
	}
	if n := packets(t, other); n < 8 {
		t.Errorf("the file in use has %d packets", n)
	}
}

// TestServeWeb: a host that has given up its privileges has a page, and starts clients for it.
func TestServeWeb(t *testing.T) {
	if !lab.Inside() {
		needLab(t)
	}
	if !labtest.Inside(t) {
		return
	}
	s := startServe(t, "", "--control", "", "--web", "127.0.0.1:0")
	m := regexp.MustCompile(`page: (http://127.0.0.1:\d+/)\?token=([0-9a-f]{32})\n`).FindStringSubmatch(s.text())
	if m == nil {
		t.Fatalf("no page in:\n%s", s.text())
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m[1]+"api/actions/close-together", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("without the token: %v, %v", resp, err)
	}
	req.Header.Set("Authorization", "Bearer "+m[2])
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	s.wait(" first")
	if code := s.end(); code != 0 {
		t.Errorf("exit status %d:\n%s", code, s.text())
	}
}
