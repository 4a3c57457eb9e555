package reasons

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lastack/harness/capture/tracepoint"
)

const (
	// maxNames is how many processes' names are remembered, and as many parents.
	maxNames = 16_384
	// maxParents is through how many forks a name is looked for.
	maxParents = 4
)

// names are those of processes, also of ones that have ended since: those that took a name or
// forked meanwhile. Others are looked up while they run.
type names struct {
	proc    string // where those that run are looked up; "" is nowhere
	known   bounded[string]
	parents bounded[int]
}

// newNames looks processes up in a /proc if that is of this PID namespace: in another the
// numbers are those of other processes.
func newNames(proc string) names {
	if self, err := os.Readlink(filepath.Join(proc, "self")); err != nil || self != strconv.Itoa(os.Getpid()) {
		return names{}
	}
	return names{proc: proc}
}

// learn is for the records that Records has.
func (n *names) learn(r *tracepoint.Record) {
	switch {
	case r.Kind == tracepoint.Named && r.PID == r.TID: // and no thread
		n.known.set(r.PID, r.Comm)
	case r.Kind == tracepoint.Forked && r.PID != r.Parent: // and no thread
		n.known.forget(r.PID)
		n.parents.set(r.PID, r.Parent)
	}
}

// of is a process's name, or empty.
func (n *names) of(pid int) string {
	for range maxParents {
		if name, ok := n.known.get(pid); ok {
			return name
		}
		if text, err := os.ReadFile(filepath.Join(n.proc, strconv.Itoa(pid), "comm")); n.proc != "" && err == nil {
			name := strings.TrimSuffix(string(text), "\n")
			n.known.set(pid, name)
			return name
		}
		parent, ok := n.parents.get(pid)
		if !ok {
			return ""
		}
		pid = parent // it ended before it took a name of its own
	}
	return ""
}

// bounded is a map of maxNames entries, which forgets those that were set first.
type bounded[T any] struct {
	m     map[int]T
	order []int // a ring
	next  int
}

func (b *bounded[T]) set(key int, value T) {
	if b.m == nil {
		b.m = map[int]T{}
	}
	if _, ok := b.m[key]; !ok {
		if len(b.order) < maxNames {
			b.order = append(b.order, key)
		} else {
			delete(b.m, b.order[b.next])
			b.order[b.next] = key
			b.next = (b.next + 1) % maxNames
		}
	}
	b.m[key] = value
}

func (b *bounded[T]) get(key int) (T, bool) { v, ok := b.m[key]; return v, ok }

// forget leaves the key in the ring, which bounds that as well.
func (b *bounded[T]) forget(key int) { delete(b.m, key) }
