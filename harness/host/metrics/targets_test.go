package metrics

import (
	"errors"
	"slices"
	"testing"

	"lastack/harness/lab"
)

func TestNamespaces(t *testing.T) {
	list := []lab.NamespaceInfo{
		{Inode: 1, PID: 1, Comm: "init"}, {Inode: 2, Name: "blue", PID: 20, Comm: "x"}, {Inode: 3, PID: 30, Comm: "pod\xff"},
		{Inode: 4, PID: 41, Comm: "the one of 40"},
	}
	n := NewNamespaces([]string{AllNamespaces, "blue", "blue", "40"}, 5)
	n.number = func(name string) (uint64, error) {
		if name == "40" {
			return 4, nil
		}
		return 0, errors.New("none")
	}
	n.list = func() ([]lab.NamespaceInfo, int, error) { return list, 2, nil }
	n.current = func() (uint64, error) { return 1, nil }
	labels := func() (got []string) {
		targets, left, err := n.Targets()
		if err != nil || left != 2 {
			t.Fatalf("%d left, %v", left, err)
		}
		for _, target := range targets {
			got = append(got, target.Name)
		}
		return got
	}
	want := []string{"40", "blue", "", "pod\uFFFD/3"}
	if got := labels(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	first, _, _ := n.Targets()
	// The process is another, and the label and the source stay.
	list[2] = lab.NamespaceInfo{Inode: 3, PID: 31, Comm: "later"}
	again, _, _ := n.Targets()
	if again[3].Name != first[3].Name || again[3].Source != first[3].Source {
		t.Errorf("%+v and then %+v", first[3], again[3])
	}
	list = list[:1]
	if got := labels(); !slices.Equal(got, []string{"40", "blue", ""}) {
		t.Errorf("%q after two went", got)
	}
	if odd, _, err := NewNamespaces([]string{"a\xff"}, 5).Targets(); err != nil || odd[0].Name != "a\uFFFD" {
		t.Errorf("%+v, %v: want a label that Prometheus takes", odd, err)
	}
	if own, _, err := NewNamespaces(nil, 5).Targets(); err != nil || len(own) != 1 || own[0].Name != "" {
		t.Errorf("%+v, %v: want the process's own", own, err)
	}
}
