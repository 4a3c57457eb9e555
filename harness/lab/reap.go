package lab

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reapDelay lets os/exec collect its own children first, so that the look at
// our descriptors is needed for real orphans only.
const reapDelay = 100 * time.Millisecond

// reapOrphans starts the duty of PID 1: collecting dead processes whose own
// parent died before them. It runs as long as the process.
//
// The difficulty is to leave the children of os/exec alone, whose status
// somebody waits for. The Go runtime holds a pidfd of every process it started
// and has not yet waited for; a dead child without one is an orphan. On a kernel
// without pidfds (before Linux 5.4) orphans stay zombies until the lab ends.
func reapOrphans() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return fmt.Errorf("lab: looking up this process: %w", err)
	}
	defer self.Release()
	if err := self.WithHandle(func(uintptr) {}); errors.Is(err, os.ErrNoHandle) {
		return nil
	} else if err != nil {
		return fmt.Errorf("lab: taking a handle of this process: %w", err)
	}
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	go func() {
		for range died {
			// While the first dead child is somebody's, it hides the others.
			for waiting := true; waiting; {
				time.Sleep(reapDelay)
				waiting = reapUnowned()
			}
		}
	}()
	return nil
}

// reapUnowned collects dead children that nobody waits for. It reports whether
// one is left that os/exec has yet to collect.
func reapUnowned() (left bool) {
	for {
		pid, err := deadChild()
		if err != nil || pid == 0 {
			return false
		}
		// Look after the peek, never before: the zombie keeps its number, so no
		// new process can have taken it meanwhile.
		owned, err := startedHere(pid)
		if err != nil || owned {
			return true
		}
		_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
}

// deadChild peeks at one dead child without collecting it; 0 if there is none.
func deadChild() (int, error) {
	// siginfo_t of SIGCHLD: si_signo, si_errno, si_code, then si_pid, which
	// 64-bit machines align to 8 bytes.
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, err
		}
		offset := 3 * unsafe.Sizeof(int32(0))
		if unsafe.Sizeof(uintptr(0)) == 8 {
			offset += 4
		}
		return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), offset))), nil
	}
}

// startedHere reports whether this process holds a pidfd of its child pid.
func startedHere(pid int) (bool, error) {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return false, err
	}
	for _, fd := range fds {
		target, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err != nil || !strings.Contains(target, "pidfd") {
			continue // closed meanwhile, or something else
		}
		if pidfdProcess("/proc/self/fdinfo/"+fd.Name()) == pid {
			return true, nil
		}
	}
	return false, nil
}

// pidfdProcess reads which process a pidfd refers to, by its number in our own
// PID namespace: the last of the NSpid line. 0 if it is no pidfd.
func pidfdProcess(fdinfo string) int {
	f, err := os.Open(fdinfo)
	if err != nil {
		return 0
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if numbers, ok := strings.CutPrefix(sc.Text(), "NSpid:"); ok {
			fields := strings.Fields(numbers)
			if len(fields) == 0 {
				return 0
			}
			pid, err := strconv.Atoi(fields[len(fields)-1])
			if err != nil {
				return 0
			}
			return pid
		}
	}
	return 0
}
