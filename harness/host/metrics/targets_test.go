package metrics

import (
	"slices"
	"testing"

	"lastack/harness/lab"
)

func TestNamespaces(t *testing.T) {
	list := []lab.NamespaceInfo{
		{Inode: 1, PID: 1, Comm: "init"}, {Inode: 2, Name: "blue", PID: 20, Comm: "x"}, {Inode: 3, PID: 30, Comm: "pod\xff"},
	}
	n := NewNamespaces([]string{AllNamespaces, "blue", "blue"}, 5)
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
	want := []string{"blue", "", "pod\uFFFD/3"}
	if got := labels(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	first, _, _ := n.Targets()
	// The process is another, and the label and the source stay.
	list[2] = lab.NamespaceInfo{Inode: 3, PID: 31, Comm: "later"}
	again, _, _ := n.Targets()
	if again[2].Name != first[2].Name || again[2].Source != first[2].Source {
		t.Errorf("%+v and then %+v", first[2], again[2])
	}
	list = list[:1]
	if got := labels(); !slices.Equal(got, []string{"blue", ""}) {
		t.Errorf("%q after two went", got)
	}
	if odd, _, err := NewNamespaces([]string{"a\xff"}, 5).Targets(); err != nil || odd[0].Name != "a\uFFFD" {
		t.Errorf("%+v, %v: want a label that Prometheus takes", odd, err)
	}
	if own, _, err := NewNamespaces(nil, 5).Targets(); err != nil || len(own) != 1 || own[0].Name != "" {
		t.Errorf("%+v, %v: want the process's own", own, err)
	}
}
