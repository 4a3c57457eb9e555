package monitor

import (
	"context"
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

// UnknownProcess stands for the name of a process that could not be found.
const UnknownProcess = "unknown"

// find returns the owner of each inode.
func (o *owners) find(ctx context.Context, inodes []uint32) []Owner {
	missing := make(map[uint32]bool)
	for _, n := range inodes {
		if _, ok := o.known[n]; !ok {
			missing[n] = true
		}
	}
	found := make(map[uint32]Owner)
	if len(missing) > 0 {
		o.search(ctx, missing, found)
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
			owner = Owner{Name: UnknownProcess}
		}
		next[n], list[i] = owner, owner
	}
	o.known = next
	return list
}

// search looks through the open files of every process that this user may look at. A
// process that cannot be read is another user's, or gone, as one may be between two reads: then
// its sockets stay unknown. When ctx ends it stops where it is.
func (o *owners) search(ctx context.Context, missing map[uint32]bool, found map[uint32]Owner) {
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
		if ctx.Err() != nil || len(found) == len(missing) {
			return
		}
		files, _ := os.ReadDir(filepath.Join(root, p.Name(), "fd"))
		for _, f := range files {
			target, _ := os.Readlink(filepath.Join(root, p.Name(), "fd", f.Name()))
			inode, ok := socketInode(target)
			if _, already := found[inode]; !ok || already || !missing[inode] {
				continue
			}
			name, err := os.ReadFile(filepath.Join(root, p.Name(), "comm"))
			if err != nil {
				break
			}
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
