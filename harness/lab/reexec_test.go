package lab_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// watchdog bounds every wait of these tests; it is far from what they take.
const watchdog = 30 * time.Second

// program is a running helper: the parent of a lab.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Reader // EOF: no process of the lab is left
	stderr *bytes.Buffer
	report report
}

// startHelper starts the helper and waits until its lab is ready. prepare, if
// not nil, may change how it is started.
func startHelper(t *testing.T, mode string, userns bool, prepare func(*exec.Cmd)) *program {
	t.Helper()
	requireLab(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	p := &program{t: t, cmd: exec.Command(exe), out: bufio.NewReader(r), stderr: new(bytes.Buffer)}
	p.cmd.Env = append(os.Environ(), helperEnv+"="+mode)
	if userns {
		p.cmd.Env = append(p.cmd.Env, usernsEnv+"=1")
	}
	p.cmd.Stdout, p.cmd.Stderr = w, p.stderr
	// A group of its own stands for the terminal's foreground group.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if prepare != nil {
		prepare(p.cmd)
	}
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(watchdog)); err != nil {
		t.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p.report)
	}
	if err != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		t.Fatalf("the helper did not report: %v; it wrote %q and %q", err, line, p.stderr)
	}
	return p
}

// requireLab skips, or fails where a lab is required, if there is none here.
func requireLab(t *testing.T) {
	t.Helper()
	if err := lab.Check(); err != nil {
		if os.Getenv("LASTACK_REQUIRE_LAB") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// ended waits for the helper's end, for so long, and reports whether it came.
func (p *program) ended(within time.Duration) bool {
	p.t.Helper()
	fds := []unix.PollFd{{Fd: p.pidfd(), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(within.Milliseconds()))
	if err != nil && !errors.Is(err, unix.EINTR) {
		p.t.Fatal(err)
	}
	return n > 0
}

// pidfd is a descriptor that is readable once the helper has ended.
func (p *program) pidfd() int32 {
	p.t.Helper()
	fd, err := unix.PidfdOpen(p.cmd.Process.Pid, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = unix.Close(fd) })
	return int32(fd)
}

// group signals the helper's process group, as a terminal does.
func (p *program) group(sig unix.Signal) {
	p.t.Helper()
	if err := unix.Kill(-p.cmd.Process.Pid, sig); err != nil {
		p.t.Fatal(err)
	}
}

// end waits for the helper and checks that nothing is left of its lab. It
// returns the exit code, -1 if a signal ended it, and the rest of its output.
func (p *program) end() (code int, output string) {
	p.t.Helper()
	timer := time.AfterFunc(watchdog, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // the code says it
	rest, err := io.ReadAll(p.out)
	if err != nil {
		p.t.Fatalf("a process of the lab still holds its output: %v", err)
	}
	for deadline := time.Now().Add(watchdog); namespaceAlive(p.report); runtime.Gosched() {
		if time.Now().After(deadline) {
			p.t.Fatalf("the lab's network namespace %d is still in use", p.report.Inode)
		}
	}
	return p.cmd.ProcessState.ExitCode(), string(rest)
}

// namespaceAlive looks through every thread for the lab's network namespace.
func namespaceAlive(r report) bool {
	want := fmt.Sprintf("net:[%d]", r.Inode)
	paths, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*/ns/net")
	for _, path := range paths {
		if got, err := os.Readlink(path); err == nil && got == want && sameCookie(path, r.Cookie) {
			return true
		}
	}
	return false
}

// sameCookie tells the lab's namespace from a newer one that got its inode.
// Whoever may not enter the namespace takes the inode's word.
func sameCookie(path string, cookie uint64) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // gone meanwhile
	}
	defer f.Close()
	same := make(chan bool)
	go func() {
		runtime.LockOSThread() // ends with the goroutine
		if unix.Gettid() == os.Getpid() {
			runtime.UnlockOSThread()
			same <- true // the main thread stays out; look again
			return
		}
		if unix.Setns(int(f.Fd()), unix.CLONE_NEWNET) != nil {
			same <- true
			return
		}
		_, got, err := netnsIdentity()
		same <- err != nil || got == cookie
	}()
	return <-same
}

// both runs a test with and, where it is possible, without a user namespace.
func both(t *testing.T, test func(t *testing.T, userns bool)) {
	t.Run("as root", func(t *testing.T) {
		if !lab.Privileged() {
			t.Skip("needs CAP_NET_ADMIN and CAP_SYS_ADMIN: run the tests as root")
		}
		t.Parallel()
		test(t, false)
	})
	t.Run("user namespace", func(t *testing.T) {
		t.Parallel()
		test(t, true)
	})
}

func TestNothingIsLeft(t *testing.T) {
	tests := []struct {
		name string
		mode string
		end  func(*program)
		code int
		out  string
		err  string
	}{
		{"success", "exit 0", func(*program) {}, 0, "", ""},
		{"failure", "exit 7", func(*program) {}, 7, "", ""},
		{"interrupt of the group", "wait", func(p *program) { p.group(unix.SIGINT) }, 5, "cleaned up after 1 x interrupt\n", ""},
		{"interrupt of the parent", "wait", func(p *program) { _ = p.cmd.Process.Signal(unix.SIGINT) }, 5, "cleaned up after 1 x interrupt\n", ""},
		{"interrupt with NotifyContext", "notify", func(p *program) { p.group(unix.SIGINT) }, 5, "cleaned up after 1 x interrupt\n", "reexec: lab: stopped: "},
		{"one request sent twice", "wait", func(p *program) {
			p.group(unix.SIGTERM)
			p.group(unix.SIGTERM)
		}, 5, "cleaned up after 1 x terminated\n", ""},
		{"interrupt, not handled", "deaf", func(p *program) { p.group(unix.SIGINT) }, 128 + 2, "", ""},
		{"termination, not handled", "deaf", func(p *program) { p.group(unix.SIGTERM) }, 128 + 15, "", ""},
		{"second interrupt", "stubborn", func(p *program) {
			// On a busy machine the first may not have been taken when the second comes, so that
			// they are one; then the third is the second.
			for range 20 {
				if unix.Kill(-p.cmd.Process.Pid, unix.SIGINT) != nil || p.ended(time.Second) {
					return
				}
			}
		}, 128 + 9, "", ""},
		{"parent killed", "deaf", func(p *program) { _ = p.cmd.Process.Kill() }, -1, "", ""},
		{"context ends", "cancel", func(*program) {}, 5, "cleaned up after 1 x terminated\n", "reexec: lab: stopped: context canceled (canceled: true)\n"},
		{"context ends, child does not", "cancel-stubborn", func(*program) {}, 128 + 9, "", "reexec: lab: stopped: context canceled (canceled: true)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, userns bool) {
				p := startHelper(t, tt.mode, userns, nil)
				if tt.code != 0 && tt.code != 7 && !strings.HasPrefix(tt.mode, "cancel") && !namespaceAlive(p.report) {
					t.Errorf("the network namespace of a living lab was not found: this test could not fail")
				}
				tt.end(p)
				code, out := p.end()
				if code != tt.code || out != tt.out || !strings.HasPrefix(p.stderr.String(), tt.err) {
					t.Errorf("exit code %d, output %q, errors %q; want %d, %q, %q", code, out, p.stderr, tt.code, tt.out, tt.err)
				}
				if tt.err == "" && p.stderr.Len() > 0 {
					t.Errorf("it complained: %s", p.stderr)
				}
			})
		})
	}
}

func TestChildKnowsWhereItIs(t *testing.T) {
	both(t, func(t *testing.T, userns bool) {
		p := startHelper(t, "work", userns, nil)
		if code, _ := p.end(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.stderr)
		}
		want := report{Inode: p.report.Inode, Cookie: p.report.Cookie, Pid: 1, Uid: 0,
			UserNamespace: userns || lab.UserNamespace(), Privileged: true}
		if p.report != want {
			t.Errorf("got %+v, want %+v", p.report, want)
		}
		inode, _, err := netnsIdentity()
		if err != nil || inode == p.report.Inode {
			t.Errorf("the lab is in the machine's network namespace %d (%v)", inode, err)
		}
	})
}

// TestOrdinaryUser proves that a lab needs no root where the kernel allows user
// namespaces: the helper runs as nobody.
func TestOrdinaryUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the tests run as an ordinary user already: TestChildKnowsWhereItIs is this test")
	}
	const nobody = 65534
	p := startHelper(t, "work", false, func(cmd *exec.Cmd) {
		cmd.Path = copyForAll(t, cmd.Path)
		cmd.Dir = "/"
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	})
	code, _ := p.end()
	if code != 0 || p.report.Work != "" {
		t.Fatalf("exit code %d, %s, %s", code, p.report.Work, p.stderr)
	}
	if r := p.report; r.Pid != 1 || r.Uid != 0 || !r.UserNamespace || !r.Privileged {
		t.Errorf("as nobody the lab is %+v, want PID 1 as root of a user namespace", r)
	}
}

// copyForAll copies a program to where every user may run it.
func copyForAll(t *testing.T, path string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	for _, err := range []error{os.Chmod(dir, 0o755), os.WriteFile(program, b, 0o755), os.Chmod(program, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return program
}

func TestLeftoverMarkerIsNotBelieved(t *testing.T) {
	for _, value := range []string{"1", fmt.Sprint(os.Getppid()), "probe:1", ""} {
		t.Setenv("LASTACK_LAB", value)
		if lab.Inside() {
			t.Errorf("LASTACK_LAB=%q made an ordinary process believe that it is a lab", value)
		}
	}
	if err := lab.Setup(); err == nil {
		t.Error("Setup outside a lab succeeded")
	}
}

// TestOrphanedLab: PID 1 with the marker of a parent that is not its own believes
// neither that it is a lab nor that it may start one.
func TestOrphanedLab(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	t.Setenv("LASTACK_LAB", "1000000")
	if lab.Inside() {
		t.Error("a marker with another parent's number was believed")
	}
	code, err := lab.Reexec(t.Context(), lab.Options{LeaveSignals: true, Args: []string{"-test.run=^$"}})
	if code != 1 || !errors.Is(err, lab.ErrOrphaned) {
		t.Errorf("Reexec gave %d, %v; want 1 and ErrOrphaned", code, err)
	}
}
