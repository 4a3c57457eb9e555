package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lastack/harness/lab/sockstat"

	"golang.org/x/sys/unix"
)

// MaxNamespaces is how many network namespaces Namespaces lists.
const MaxNamespaces = 1024

// NamespaceInfo is a network namespace of the machine.
type NamespaceInfo struct {
	// Inode names it while it exists.
	Inode uint64
	// Name that "ip netns" gave it; "" is none.
	Name string
	// PID of a process in it, and the name that process chose; 0 if none was seen.
	PID  int
	Comm string
}

// Open is what OpenNamespace takes to open it. The number of a process may be another's by
// then: compare Inode.
func (n *NamespaceInfo) Open() string {
	if n.Name != "" {
		return n.Name
	}
	return strconv.Itoa(n.PID)
}

// Namespaces lists the network namespaces that have a name or a process that this user may
// look at, each once, at most MaxNamespaces; left is how many more there are.
func Namespaces() (list []NamespaceInfo, left int, err error) {
	return listNamespaces("/run/netns", "/proc")
}

func listNamespaces(named, proc string) (list []NamespaceInfo, left int, err error) {
	at := map[uint64]int{}
	add := func(n NamespaceInfo) {
		i, seen := at[n.Inode]
		switch {
		case !seen && len(list) == MaxNamespaces:
			left++
		case !seen:
			at[n.Inode] = len(list)
			list = append(list, n)
		case list[i].PID == 0:
			list[i].PID, list[i].Comm = n.PID, n.Comm
		}
	}
	names, err := os.ReadDir(named)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, 0, fmt.Errorf("lab: list the network namespaces with a name: %w", err)
	}
	for _, n := range names {
		var st unix.Stat_t
		if unix.Stat(filepath.Join(named, n.Name()), &st) == nil {
			add(NamespaceInfo{Inode: st.Ino, Name: n.Name()})
		}
	}
	processes, err := os.ReadDir(proc)
	if err != nil {
		return nil, 0, fmt.Errorf("lab: list the processes, for their network namespaces: %w", err)
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		// One that cannot be read is another user's, or gone.
		link, _ := os.Readlink(filepath.Join(proc, p.Name(), "ns/net"))
		text, ok := strings.CutPrefix(link, "net:[")
		inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
		if !ok || err != nil {
			continue
		}
		if i, seen := at[inode]; seen && list[i].PID != 0 {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(proc, p.Name(), "comm"))
		add(NamespaceInfo{Inode: inode, PID: pid, Comm: strings.TrimSuffix(string(comm), "\n")})
	}
	return list, left, nil
}

// Inode names the namespace among those that exist.
func (ns *Namespace) Inode() (uint64, error) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	if ns.file == nil {
		return 0, fmt.Errorf("lab: a network namespace's number: %w", os.ErrClosed)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(ns.file.Fd()), &st); err != nil {
		return 0, fmt.Errorf("lab: a network namespace's number: %w", err)
	}
	return st.Ino, nil
}

// CurrentNamespace is the number of the calling thread's network namespace.
func CurrentNamespace() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return 0, fmt.Errorf("lab: the network namespace of this process: %w", err)
	}
	return st.Ino, nil
}

// Counters are the kernel's counters of the current network namespace by nstat's names, as
// sockstat.ReadCounters has them.
func Counters() (map[string]uint64, error) {
	counters := map[string]uint64{}
	for _, name := range []string{"netstat", "snmp"} {
		err := readThreadNet(name, func(f *os.File) error { return sockstat.ReadCounters(f, counters) })
		if err != nil {
			return nil, err
		}
	}
	return counters, nil
}

// Orphans is how many TCP sockets of the current network namespace no process holds any
// more, TIME_WAIT apart.
func Orphans() (n int, err error) {
	err = readThreadNet("sockstat", func(f *os.File) error {
		var ok bool
		if n, ok = sockstat.Orphans(f); !ok {
			return errors.New("it counts no orphans")
		}
		return nil
	})
	return n, err
}

func readThreadNet(name string, read func(*os.File) error) error {
	path := "/proc/thread-self/net/" + name
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("lab: read the kernel's counters: %w", err)
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("lab: read the kernel's counters: %s: %w", path, err)
	}
	return nil
}
