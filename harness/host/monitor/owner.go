package monitor

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// owners finds processes by the inodes of their sockets, and remembers them:
// going through /proc takes a while on a large machine.
type owners struct {
	known map[uint32]Owner
	proc  string // "" is /proc
}

// find returns the owner of each inode.
func (o *owners) find(inodes []uint32) []Owner {
	missing := make(map[uint32]bool)
	for _, n := range inodes {
		if _, ok := o.known[n]; !ok {
			missing[n] = true
		}
	}
	found := make(map[uint32]Owner)
	if len(missing) > 0 {
		o.search(missing, found)
	}
	// A socket that is no longer asked for is forgotten: the kernel gives its number to
	// another.
	next := make(map[uint32]Owner)
	list := make([]Owner, len(inodes))
	for i, n := range inodes {
		owner, ok := found[n]
		if !ok {
			owner, ok = o.known[n]
		}
		if !ok {
			owner = Owner{Name: "unknown"}
		}
		next[n], list[i] = owner, owner
	}
	o.known = next
	return list
}

// search looks through the open files of every process that this user may look at. A
// process that cannot be read is another user's, or gone.
func (o *owners) search(missing map[uint32]bool, found map[uint32]Owner) {
	root := o.proc
	if root == "" {
		root = "/proc"
	}
	processes, _ := os.ReadDir(root)
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		files, _ := os.ReadDir(filepath.Join(root, p.Name(), "fd"))
		for _, f := range files {
			target, _ := os.Readlink(filepath.Join(root, p.Name(), "fd", f.Name()))
			inode, ok := socketInode(target)
			if _, already := found[inode]; !ok || already || !missing[inode] {
				continue
			}
			name, _ := os.ReadFile(filepath.Join(root, p.Name(), "comm"))
			found[inode] = Owner{Name: strings.TrimSuffix(string(name), "\n"), PID: pid}
		}
	}
}

// socketInode reads the link of an open file, "socket:[81234]".
func socketInode(target string) (uint32, bool) {
	text, ok := strings.CutPrefix(target, "socket:[")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 32)
	return uint32(n), err == nil
}
