package metrics

import (
	"fmt"
	"slices"
	"strings"

	"lastack/harness/host/monitor"
	"lastack/harness/lab"
)

// AllNamespaces is the name that stands for every network namespace of the machine.
const AllNamespaces = "all"

// Namespaces lists targets of the kernel. Make it with NewNamespaces.
type Namespaces struct {
	names []string
	top   int
	// list, current and number are the lab's, but in tests.
	list    func() ([]lab.NamespaceInfo, int, error)
	current func() (uint64, error)
	number  func(name string) (uint64, error)
	known   map[string]*monitor.Kernel // by label
}

// NewNamespaces looks into the namespaces named, as lab.OpenNamespace takes them; "all" is
// every one with a name or a process, and none is the one of the process. top is how many
// destinations each look brings back.
func NewNamespaces(names []string, top int) *Namespaces {
	return &Namespaces{
		names: slices.Compact(slices.Sorted(slices.Values(names))), top: top,
		list: lab.Namespaces, current: lab.CurrentNamespace, number: number, known: map[string]*monitor.Kernel{},
	}
}

// Targets is for Config.Targets. A namespace that is named is a target although it is not
// there; of all, only those that are.
func (n *Namespaces) Targets() (targets []Target, left int, err error) {
	next := map[string]*monitor.Kernel{}
	add := func(label, open string, inode uint64) {
		label = strings.ToValidUTF8(label, "\uFFFD") // as Prometheus has it
		k := n.known[label]
		switch {
		case next[label] != nil:
			return
		case k == nil:
			k = &monitor.Kernel{Top: n.top}
		}
		k.Namespace, k.Inode = open, inode
		next[label] = k
		targets = append(targets, Target{Name: label, Source: k})
	}
	if len(n.names) == 0 {
		add("", "", 0)
	}
	for _, name := range n.names {
		if name != AllNamespaces {
			add(name, name, 0)
		}
	}
	if slices.Contains(n.names, AllNamespaces) {
		left, err = n.addAll(add)
	}
	n.known = next
	return targets, left, err
}

func (n *Namespaces) addAll(add func(label, open string, inode uint64)) (left int, err error) {
	own, err := n.current()
	if err != nil {
		return 0, err
	}
	list, left, err := n.list()
	if err != nil {
		return 0, err
	}
	add("", "", 0)
	seen := map[uint64]bool{own: true}
	for _, name := range n.names {
		if inode, err := n.number(name); err == nil {
			seen[inode] = true // a target already, by another name perhaps
		}
	}
	for i := range list {
		if ns := &list[i]; !seen[ns.Inode] {
			add(n.label(ns), ns.Open(), ns.Inode)
		}
	}
	return left, nil
}

// label is a namespace's name, or one made of its number and the process that was first seen
// in it, which stays when that process ends.
func (n *Namespaces) label(ns *lab.NamespaceInfo) string {
	if ns.Name != "" {
		return ns.Name
	}
	end := fmt.Sprintf("/%d", ns.Inode)
	for label := range n.known {
		if strings.HasSuffix(label, end) {
			return label
		}
	}
	return ns.Comm + end
}

// number is the number of a namespace that is there.
func number(name string) (uint64, error) {
	ns, err := lab.OpenNamespace(name)
	if err != nil {
		return 0, err
	}
	defer ns.Close()
	return ns.Inode()
}
