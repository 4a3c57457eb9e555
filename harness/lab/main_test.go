package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastack/harness/lab"
)

// helperEnv makes the test binary a small program that uses the lab, so that a
// test can watch one from outside, as a shell watches lastack.
const helperEnv = "LAB_TEST_HELPER"

// usernsEnv set makes the helper's lab use a user namespace.
const usernsEnv = "LAB_TEST_USERNS"

// mainThread is the helper's mode that calls Do on the main thread.
const mainThread = "main thread"

func init() {
	if os.Getenv(helperEnv) == mainThread {
		runtime.LockOSThread() // keeps the main goroutine on the main thread
	}
}

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		os.Exit(helper(mode))
	}
	// Who starts the tests in the background, without job control, has them and their children
	// ignore SIGINT. What is caught here is not ignored by them.
	for _, sig := range []os.Signal{unix.SIGINT, unix.SIGHUP} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	os.Exit(m.Run())
}

// report is what the helper tells about its lab, one JSON line.
type report struct {
	Inode         uint64 // of the network namespace
	Cookie        uint64 // of the same, never used twice
	Pid, Uid      int
	UserNamespace bool
	Privileged    bool
	Work          string // "" or what went wrong in mode "work"
}

func helper(mode string) int {
	if !lab.Inside() {
		return helperParent(mode)
	}
	if err := lab.Setup(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	// An orphan in a session of its own that holds the standard output: only
	// the end of the PID namespace ends it.
	if err := lab.Command(context.Background(), "sh", "-c", "setsid sleep 600 & ").Cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return helperChild(mode)
}

// helperParent starts the lab the way a command of lastack does.
func helperParent(mode string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := lab.Options{ForceUserNamespace: os.Getenv(usernsEnv) != ""}
	switch mode {
	case "cancel", "cancel-stubborn":
		o.Stdout = cancelOnWrite{os.Stdout, cancel}
		o.Grace = 100 * time.Millisecond
		if mode == "cancel" {
			o.Grace = time.Minute
		}
	case "notify":
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, unix.SIGINT)
		defer stop()
	}
	code, err := lab.Reexec(ctx, o)
	if err != nil {
		fmt.Fprintf(os.Stderr, "reexec: %v (canceled: %v)\n", err, errors.Is(err, context.Canceled))
	}
	return code
}

// cancelOnWrite cancels as soon as the child has said that it is ready.
type cancelOnWrite struct {
	io.Writer
	cancel context.CancelFunc
}

func (c cancelOnWrite) Write(p []byte) (int, error) {
	defer c.cancel()
	return c.Writer.Write(p)
}

func helperChild(mode string) int {
	signals := make(chan os.Signal, 10)
	if mode != "deaf" {
		signal.Notify(signals, unix.SIGINT, unix.SIGTERM)
	}
	r := report{Pid: os.Getpid(), Uid: os.Getuid(), UserNamespace: lab.UserNamespace(), Privileged: lab.Privileged()}
	var err error
	if r.Inode, r.Cookie, err = netnsIdentity(); err != nil {
		r.Work = err.Error()
	} else if work := map[string]func() error{"work": tcpOverVeth, mainThread: doFromMainThread}[mode]; work != nil {
		if err := work(); err != nil {
			r.Work = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 98
	}
	if code, ok := strings.CutPrefix(mode, "exit "); ok {
		n, _ := strconv.Atoi(code)
		return n
	}
	switch mode {
	case "deaf", "stubborn", "cancel-stubborn":
		select {}
	case "wait", "cancel", "notify":
		sig := <-signals
		// The clean-up takes its time, in which no second signal may arrive.
		count := 1
		for quiet := time.After(500 * time.Millisecond); ; {
			select {
			case <-signals:
				count++
				continue
			case <-quiet:
			}
			break
		}
		fmt.Printf("cleaned up after %d x %v\n", count, sig)
		return 5
	}
	return 0
}

// doFromMainThread calls Do where the next goroutine to run takes over the main
// thread: there is one processor, and its only goroutine blocks in Do.
func doFromMainThread() error {
	far, err := lab.NewNamespace()
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	if unix.Gettid() != unix.Getpid() {
		return errors.New("the main goroutine is not on the main thread")
	}
	runtime.UnlockOSThread()
	home, _, err := netnsIdentity()
	if err != nil {
		return err
	}
	if err := far.Do(func() error {
		if unix.Gettid() == unix.Getpid() {
			return errors.New("Do used the main thread")
		}
		return nil
	}); err != nil {
		return err
	}
	var process unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &process); err != nil || process.Ino != home {
		return fmt.Errorf("the process moved to namespace %d, home is %d (%w)", process.Ino, home, err)
	}
	return nil
}

// netnsIdentity names the calling thread's network namespace.
func netnsIdentity() (inode, cookie uint64, err error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return 0, 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(fd)
	cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) { // before Linux 5.14
		return st.Ino, 0, nil
	}
	return st.Ino, cookie, err
}
