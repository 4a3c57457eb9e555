package middle

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lastack/harness/lab"
	"lastack/harness/lab/wire"

	"golang.org/x/sys/unix"
)

// listeners are where something listens in the middle.
func listeners(path *wire.Path) (at []netip.AddrPort, err error) {
	err = path.Middle.Do(func() error {
		all, err := lab.Sockets(unix.AF_UNSPEC)
		for i := range all {
			if all[i].State == "LISTEN" {
				at = append(at, all[i].Local)
			}
		}
		return err
	})
	return at, err
}

// process is one that lives in the middle.
type process struct {
	dir string // in /proc
	pid int    // in the lab's PID namespace
}

// processes are those in the middle: what the command is and what it started, whoever
// their parents are by now. A process that went elsewhere is not among them.
func processes(path *wire.Path) (all []process, err error) {
	var middle os.FileInfo
	err = path.Middle.Do(func() error {
		middle, err = os.Stat("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return nil, err
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		if ns, err := os.Stat(dir + "/ns/net"); err == nil && os.SameFile(ns, middle) {
			all = append(all, process{dir, innerPid(dir)})
		}
	}
	return all, nil
}

// field is a line of /proc/PID/status.
func (p *process) field(name string) string {
	b, err := os.ReadFile(p.dir + "/status")
	if err != nil {
		return "" // it has ended
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// innerPid is the number of a process in this process's PID namespace; 0 if it has ended.
func innerPid(dir string) int {
	p := process{dir: dir}
	numbers := strings.Fields(p.field("NSpid"))
	if len(numbers) == 0 {
		return 0
	}
	pid, err := strconv.Atoi(numbers[len(numbers)-1])
	if err != nil {
		return 0
	}
	return pid
}

// signalAll sends a signal to every process in the middle.
func signalAll(path *wire.Path, signal unix.Signal) {
	all, err := processes(path)
	if err != nil {
		return // they end with the lab
	}
	for _, p := range all {
		if p.pid > 1 {
			_ = unix.Kill(p.pid, signal) // it may be gone
		}
	}
}

// Usage is what the proxy holds.
type Usage struct {
	// Sockets counts those that a process holds, by leg and state: "CLOSE_WAIT on the
	// client leg".
	Sockets map[string]int
	// Descriptors counts the descriptors of sockets, Memory is in bytes.
	Descriptors, Processes int
	Memory                 int64
}

// Total counts the sockets.
func (u *Usage) Total() (n int) {
	for _, k := range u.Sockets {
		n += k
	}
	return n
}

// Measure counts what the proxy holds now.
func Measure(path *wire.Path) (u Usage, err error) {
	u.Sockets = map[string]int{}
	err = path.Middle.Do(func() error {
		all, err := lab.Sockets(unix.AF_UNSPEC)
		for i := range all {
			s := &all[i]
			if s.Live() && s.Inode != 0 {
				u.Sockets[fmt.Sprintf("%s on the %s", s.State, legOf(s))]++
			}
		}
		return err
	})
	if err != nil {
		return u, err
	}
	all, err := processes(path)
	for i := range all {
		p := &all[i]
		u.Processes++
		u.Descriptors += socketDescriptors(p.dir)
		if kb, err := strconv.ParseInt(strings.TrimSuffix(p.field("VmRSS"), " kB"), 10, 64); err == nil {
			u.Memory += kb << 10
		}
	}
	return u, err
}

func legOf(s *lab.Socket) string {
	switch {
	case s.Local == ListenAt:
		return "client leg"
	case s.Remote == ServerAt:
		return "server leg"
	}
	return "proxy's own connections"
}

func socketDescriptors(dir string) (n int) {
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return 0 // it has ended
	}
	for _, fd := range fds {
		if target, err := os.Readlink(dir + "/fd/" + fd.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}
