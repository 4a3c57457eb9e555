package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// threadNamespace is the network namespace of the thread that opens it.
const threadNamespace = "/proc/thread-self/ns/net"

// errUnfinished is what Do returns when fn ended its goroutine.
var errUnfinished = errors.New("the function ended its goroutine instead of returning (t.FailNow is for the test's own goroutine)")

// Namespace is a network namespace beside the current one. It lives until
// Close, and beyond that while a socket, a process or a thread is in it; with
// the lab at the latest. Its methods may be called from any goroutine at once.
type Namespace struct {
	mu   sync.RWMutex // Close waits for those who use the descriptor
	file *os.File     // holds the namespace; nil when closed
}

// NewNamespace makes an empty network namespace with loopback up. It needs
// CAP_SYS_ADMIN, which a lab has.
func NewNamespace() (*Namespace, error) {
	var ns Namespace
	err := onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare(CLONE_NEWNET): %w (a lab has the right to; start one with lab.Reexec)", err)
		}
		f, err := os.Open(threadNamespace)
		if err != nil {
			return err
		}
		if err := loopbackUp(); err != nil {
			return errors.Join(err, f.Close())
		}
		ns.file = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lab: making a network namespace: %w", err)
	}
	return &ns, nil
}

// Do runs fn inside the namespace and returns its error as it is. The sockets that fn
// opens belong to the namespace for life, whichever thread uses them later.
//
// fn runs on a thread of its own that ends with it. Goroutines started by fn are not
// in the namespace, so fn opens its sockets itself: net.Dial and net.Listen
// with literal addresses do, name lookups do not. A *Cmd started by fn is in
// the namespace.
func (ns *Namespace) Do(fn func() error) error {
	ns.mu.RLock()
	if ns.file == nil {
		ns.mu.RUnlock()
		return fmt.Errorf("lab: entering a network namespace: %w", os.ErrClosed)
	}
	release := sync.OnceFunc(ns.mu.RUnlock)
	defer release()
	return onOwnThread(func() error {
		err := enter(ns.file)
		release() // inside, the thread itself holds the namespace
		if err != nil {
			return err
		}
		return fn()
	})
}

// Close lets the namespace go. Calls of Do that have begun run to their end;
// the sockets opened there go on working.
func (ns *Namespace) Close() error {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if ns.file == nil {
		return nil
	}
	err := ns.file.Close()
	ns.file = nil
	return err
}

// enter moves the calling thread, which must be locked, into a namespace.
func enter(f *os.File) error {
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("lab: entering a network namespace: %w (only inside a lab, or as root)", err)
	}
	return nil
}

// onOwnThread runs fn on a thread that nothing else uses and that ends
// afterwards, whatever namespace fn left it in.
func onOwnThread(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end, and /proc/self speaks of it. It is held
			// here, unchanged, so that the work goes to another one.
			result <- onOwnThread(fn)
			runtime.UnlockOSThread()
			return
		}
		err := errUnfinished
		defer func() { result <- err }() // even if fn calls runtime.Goexit
		err = fn()
	}()
	return <-result
}

// OpenNamespace opens a network namespace that exists: the one that "ip netns" calls so,
// that of a process by its number, or one by the path of its file. Do then needs
// CAP_SYS_ADMIN where it belongs.
func OpenNamespace(name string) (*Namespace, error) {
	path := filepath.Join("/run/netns", name)
	switch _, err := strconv.ParseUint(name, 10, 31); {
	case name == "":
		return nil, errors.New("lab: open a network namespace: give its name, or the number of a process")
	case strings.Contains(name, "/"):
		path = name
	case err == nil:
		path = filepath.Join("/proc", name, "ns/net")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lab: open the network namespace %s: %w (ip netns lists those with a name, lsns -t net all)", name, err)
	}
	if kind, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE); err != nil || kind != unix.CLONE_NEWNET {
		return nil, errors.Join(fmt.Errorf("lab: open the network namespace %s: %s is none", name, path), f.Close())
	}
	return &Namespace{file: f}, nil
}
