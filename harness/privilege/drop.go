package privilege

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrCgo says that this binary links C code, whose threads the Go runtime does
// not know, so that nothing can be changed on all of them. It wraps no errno.
var ErrCgo = errors.New("this binary was built with cgo, so its threads cannot all be reached; build it with CGO_ENABLED=0")

// ErrUneven says that a thread has other capabilities than the rest, which some
// other code must have given it. Nothing was dropped.
var ErrUneven = errors.New("the threads of this process do not all have the same capabilities; drop before changing any thread's")

// Result says what Drop did.
type Result struct {
	// Dropped were permitted before and are no more. Empty for an ordinary user.
	Dropped []Capability
	// Kept are those of Drop's arguments that the process has.
	Kept []Capability
	// Bounding reports that the bounding set was reduced too, which takes
	// CAP_SETPCAP. Where it is false, no_new_privs alone keeps programs that
	// this process executes from gaining capabilities; it suffices.
	Bounding bool
}

// Drop gives up every capability that is not named, in all threads of the
// process and of those it will have, for good: from the effective,
// permitted, inheritable and ambient sets, and, where the process may, from the
// bounding set. It sets no_new_privs, so that no executed program, set-user-ID or
// not, gets any back; sudo and su do not work below this process any more.
//
// Naming a capability that the process lacks is no error. A process without any,
// an ordinary user's, only gets no_new_privs. It may be called again, to give up more.
//
// It fails with ErrCgo or ErrUneven before it has changed anything. After any
// other error the process is somewhere in between, and should end.
//
// It takes a few milliseconds, in which all threads are stopped some forty times. A
// thread whose capabilities other code changes in that time ends the program; see
// syscall.AllThreadsSyscall.
func Drop(keep ...Capability) (Result, error) {
	if err := reachable(syscall.AllThreadsSyscall6); err != nil {
		return Result{}, fmt.Errorf("privilege: drop capabilities: %w", err)
	}
	if err := even(tasks); err != nil {
		return Result{}, fmt.Errorf("privilege: drop capabilities: %w", err)
	}
	r, err := drop(only(keep...))
	if err != nil {
		return r, fmt.Errorf("privilege: drop capabilities: %w; end the process, it may have kept some", err)
	}
	return r, nil
}

// reachable tries the way to every thread with a question that all of them
// answer alike.
func reachable(all func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno)) error {
	_, _, errno := all(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	if errno == unix.ENOTSUP {
		return ErrCgo
	}
	if errno != 0 {
		return fmt.Errorf("reach all threads: %w", errno)
	}
	return nil
}

func drop(keep uint64) (Result, error) {
	var r Result
	if err := control("PR_SET_NO_NEW_PRIVS", unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return r, err
	}
	before, err := read()
	if err != nil {
		return r, err
	}
	// CAP_SETPCAP is what reducing the bounding set needs, so that comes first.
	if before.permitted&only(SetPCap) != 0 {
		armed := before
		armed.effective |= only(SetPCap)
		if err := set(armed); err != nil {
			return r, err
		}
		if err := reduceBounding(keep); err != nil {
			return r, err
		}
		r.Bounding = true
	}
	// The kernel takes out of the ambient set what leaves these.
	after := sets{before.effective & keep, before.permitted & keep, before.inheritable & keep}
	if err := set(after); err != nil {
		return r, err
	}
	r.Dropped = list(before.permitted &^ keep)
	r.Kept = list(after.permitted)
	return r, nil
}

// reduceBounding removes what is not kept from the bounding set. The kernel says
// with EINVAL where its capabilities end.
func reduceBounding(keep uint64) error {
	for c := Capability(0); c < 64; c++ {
		in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
		if err == unix.EINVAL {
			return nil
		}
		if err != nil {
			return fmt.Errorf("prctl PR_CAPBSET_READ %v: %w", c, err)
		}
		if in == 0 || keep&only(c) != 0 {
			continue
		}
		if err := control("PR_CAPBSET_DROP", unix.PR_CAPBSET_DROP, uintptr(c)); err != nil {
			return fmt.Errorf("%w (%v)", err, c)
		}
	}
	return nil
}

// control is prctl on every thread.
func control(name string, option, arg uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, option, arg, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("prctl %s: %w", name, errno)
	}
	return nil
}

// set is capset on every thread. Process number 0 means the thread that calls.
func set(s sets) error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := s.data()
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET,
		uintptr(unsafe.Pointer(&hdr)), uintptr(unsafe.Pointer(data)), 0)
	if errno != 0 {
		return fmt.Errorf("capset: %w", errno)
	}
	return nil
}
