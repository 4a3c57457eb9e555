package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// initialUserNamespace is the inode of the user namespace the kernel boots
// with, a constant of its ABI (PROC_USER_INIT_INO).
const initialUserNamespace = 0xEFFFFFFD

// MissingError says what this machine does not have and how to fix it.
type MissingError struct {
	What string // what is missing, as a clause: "user namespaces are disabled (...)"
	Mend string // a command, or a sentence when no single command does it
	Err  error  // what was seen; may be nil
}

func (e *MissingError) Error() string {
	s := "lab: " + e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s + "; to fix it: " + e.Mend
}

// Unwrap gives the error that was seen.
func (e *MissingError) Unwrap() error { return e.Err }

// Privileged reports whether this process may make network and PID namespaces
// as it is: it holds CAP_NET_ADMIN and CAP_SYS_ADMIN. Inside a lab it always
// does; ask UserNamespace there.
func Privileged() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return false
	}
	const need = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_SYS_ADMIN
	return data[0].Effective&need == need
}

// UserNamespace reports whether this process runs in a user namespace other
// than the machine's own. Root there is root over its own namespaces only:
// tracefs, BPF and whatever must change its user (tcpdump) do not work.
func UserNamespace() bool {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/user", &st); err != nil {
		return false // a kernel without user namespaces
	}
	return st.Ino != initialUserNamespace
}

// probeKind before the parent's number in the marker makes the child a probe.
const probeKind = "probe:"

// probeFailed is the probe's status when the namespaces came to be but are of no use.
const probeFailed = 3

// A program that uses this package is its own probe, because no other program
// is sure to be installed: in the child of Check, and only there, it ends here.
func init() {
	if os.Getpid() != 1 || !marked(probeKind) {
		return
	}
	if err := loopbackUp(); err != nil {
		fmt.Fprint(os.Stderr, err)
		unix.Exit(probeFailed)
	}
	unix.Exit(0) // at once: there is nothing to flush or to wait for
}

// Check tries what a lab needs in a child that lives a few milliseconds: the
// namespaces, and the right to bring up an interface in them. It returns nil,
// or a *MissingError with what is missing and the command that fixes it.
func Check() error { return check(!Privileged()) }

func check(user bool) error {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return &MissingError{What: "/proc is not mounted", Mend: "mount -t proc proc /proc", Err: err}
	}
	var stderr bytes.Buffer
	attr := namespaces(user)
	attr.Pdeathsig = 0 // it ends by itself
	cmd := &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        []string{os.Args[0]},
		Env:         append(os.Environ(), markerEnv+"="+probeKind+self),
		Stderr:      &stderr,
		SysProcAttr: attr,
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if s := strings.TrimSpace(stderr.String()); s != "" {
			err = errors.New(s)
		}
	}
	return explain(err, user)
}

// explain turns a failure to make the namespaces into what to do about it.
func explain(err error, user bool) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("making network and PID namespaces: %w", err)
	for _, limit := range limits(user) {
		if value, known := readTrimmed(limit.path); known && value == limit.bad {
			return &MissingError{What: limit.what, Mend: limit.fix, Err: err}
		}
	}
	m := &MissingError{Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		m.What = "no more namespaces may be made on this machine"
		m.Mend = "end other labs and containers, or raise the limits: sudo sysctl -w user.max_user_namespaces=15000 user.max_net_namespaces=15000 user.max_pid_namespaces=15000"
	case errors.Is(err, syscall.EINVAL):
		m.What = "this kernel has no network, PID or user namespaces"
		m.Mend = "use a kernel built with CONFIG_NET_NS, CONFIG_PID_NS and CONFIG_USER_NS"
	case user:
		m.What = "this process may not make user namespaces"
		m.Mend = "run it as root with sudo; in a container, start that with --cap-add NET_ADMIN --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
	default:
		m.What = "this process has the capabilities but may not make namespaces"
		m.Mend = "in a container, start that with --privileged"
	}
	return m
}

// limit is one setting that forbids namespaces while it has its bad value.
type limit struct{ path, bad, what, fix string }

// limits lists the settings by which distributions and administrators turn off
// namespaces. They are read only to explain a failure that was seen.
func limits(user bool) []limit {
	all := []limit{
		{"/proc/sys/user/max_net_namespaces", "0", "network namespaces are disabled (user.max_net_namespaces is 0)", "sudo sysctl -w user.max_net_namespaces=15000"},
		{"/proc/sys/user/max_pid_namespaces", "0", "PID namespaces are disabled (user.max_pid_namespaces is 0)", "sudo sysctl -w user.max_pid_namespaces=15000"},
	}
	if !user {
		return all
	}
	return append(all,
		limit{"/proc/sys/user/max_user_namespaces", "0", "user namespaces are disabled (user.max_user_namespaces is 0)", "sudo sysctl -w user.max_user_namespaces=15000"},
		limit{"/proc/sys/kernel/unprivileged_userns_clone", "0", "user namespaces are for root only (kernel.unprivileged_userns_clone is 0)", "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		limit{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
	)
}

func readTrimmed(path string) (string, bool) {
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err == nil
}
