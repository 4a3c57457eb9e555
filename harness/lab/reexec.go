package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// markerEnv is set in the lab's child. Its value is the parent's process
// number as /proc shows it; see marked for why that makes it trustworthy.
const markerEnv = "LASTACK_LAB"

// ErrOrphaned is returned by Reexec in a lab whose parent is already dead:
// nobody waits for its result, and nobody's death would end it.
var ErrOrphaned = errors.New("lab: the process that started this lab is gone")

// Options describes one re-execution. The zero value starts this program with
// its own arguments, standard streams and environment.
type Options struct {
	// Args are the child's arguments without the program name.
	// Nil means os.Args[1:].
	Args []string
	// Env is added to the inherited environment, as "KEY=value".
	Env []string
	// Stdin, Stdout and Stderr of the child. Nil means this process's own.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Files are open files that the child gets, from descriptor 3 on: a socket of
	// the network that the lab is kept from, for example. They stay the caller's.
	Files []*os.File
	// Grace is how long the child may take to end after the context is done
	// and it was sent SIGTERM. Zero means 5 seconds.
	Grace time.Duration
	// LeaveSignals leaves this process's signal handling as it is. Zero means
	// that SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to the child
	// until it has ended.
	LeaveSignals bool
	// ForceUserNamespace makes a user namespace even where privileges suffice
	// without one: the lab then is what an ordinary user would get.
	ForceUserNamespace bool
}

// Inside reports whether this process is a lab's child: PID 1 of its own PID
// namespace, started by Reexec of a parent that is still there. An environment
// variable left over from a lab does not make it true.
func Inside() bool {
	return os.Getpid() == 1 && marked("")
}

// marked reports whether the marker names our parent. The number in it is the
// parent's as /proc shows it, so a marker that leaked to any other process, or
// a parent that died before the kernel had noted the death signal, do not match.
func marked(kind string) bool {
	want, ok := strings.CutPrefix(os.Getenv(markerEnv), kind)
	if !ok || want == "" {
		return false
	}
	ppid, err := procParent()
	return err == nil && want == strconv.Itoa(ppid)
}

// procParent is the parent's process number in the PID namespace /proc belongs
// to. getppid is no use here: across a PID namespace it is always 0.
func procParent() (int, error) {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, err
	}
	// "pid (comm) state ppid ...", and comm may contain blanks and brackets.
	_, rest, ok := cutLast(string(b), ")")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 2 {
		return 0, fmt.Errorf("lab: cannot read the parent from /proc/self/stat: %q", b)
	}
	return strconv.Atoi(fields[1])
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Reexec starts this program again in new network and PID namespaces, waits
// for it, and returns its exit code: 128 plus the signal's number when a signal
// ended it. The child calls Inside, which is true there, and Setup.
//
// While the child runs, the signals this process receives are passed on to it
// once; a second SIGINT, SIGTERM or SIGHUP kills it. When ctx ends the child is sent
// SIGTERM, then SIGKILL after Options.Grace, and the error wraps the cause.
// If this process dies, the kernel kills the child and all it started.
//
// A non-nil error with code 1 says that there was no lab at all; where the
// machine does not allow one, it is a *MissingError that says how to fix it.
func Reexec(ctx context.Context, o Options) (exitCode int, err error) {
	if os.Getpid() == 1 && os.Getenv(markerEnv) != "" && !Inside() {
		if ppid, err := procParent(); err == nil && ppid > 0 {
			return 1, ErrOrphaned
		}
	}
	if err := context.Cause(ctx); err != nil {
		return 1, fmt.Errorf("lab: not started: %w", err)
	}
	cmd, err := o.command()
	if err != nil {
		return 1, err
	}
	sup := newSupervisor(o)
	defer sup.close()

	started := make(chan error, 1)
	done := make(chan error, 1)
	go func() {
		// The kernel sends Pdeathsig when the *thread* that forked ends, so
		// that thread is held until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			done <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return 1, explain(err, useUserNamespace(o))
	}
	return sup.wait(ctx, cmd, done)
}

// command prepares the child without starting it.
func (o Options) command() (*exec.Cmd, error) {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return nil, &MissingError{What: "/proc is not mounted", Mend: "mount -t proc proc /proc", Err: err}
	}
	args := o.Args
	if args == nil {
		args = os.Args[1:]
	}
	cmd := &exec.Cmd{
		Path:        "/proc/self/exe", // still there when the file was replaced or removed
		Args:        append([]string{os.Args[0]}, args...),
		Env:         append(append(os.Environ(), o.Env...), markerEnv+"="+self),
		Stdin:       o.Stdin,
		Stdout:      o.Stdout,
		Stderr:      o.Stderr,
		ExtraFiles:  o.Files,
		SysProcAttr: namespaces(useUserNamespace(o)),
		WaitDelay:   2 * time.Second,
	}
	if o.Stdin == nil {
		cmd.Stdin = os.Stdin
	}
	if o.Stdout == nil {
		cmd.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	return cmd, nil
}

func useUserNamespace(o Options) bool { return o.ForceUserNamespace || !Privileged() }

// namespaces are the attributes of the lab's child. Its own process group
// keeps the terminal's signals away from it: they reach the parent alone, which
// passes each on once.
func namespaces(user bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWPID,
		Pdeathsig:  unix.SIGKILL,
		Setpgid:    true,
	}
	if user {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		attr.GidMappingsEnableSetgroups = false
	}
	return attr
}
