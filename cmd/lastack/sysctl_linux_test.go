package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/host/control"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
	"lastack/stack/tunable"
)

// TestScriptHost runs the txtar scripts that start a host of their own, all in
// one lab: each gives its TUN a name and addresses of its own.
func TestScriptHost(t *testing.T) {
	if labtest.Inside(t) {
		run(t, "testdata/host")
	}
}

// TestLinuxAgrees: this kernel, in a new namespace, has the defaults of lastack's
// table and takes the smallest and largest value of each range.
func TestLinuxAgrees(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	compared := 0
	for _, d := range tunable.All() {
		text, err := lab.ReadSysctl(d.Name)
		if err != nil {
			continue // lastack's own, or not in this kernel
		}
		compared++
		v, err := d.Parse(text)
		// Linux takes the default number of buckets from the machine's memory.
		if err != nil || (v != d.Default && d.ID != tunable.MaxTWBuckets) {
			t.Errorf("%s is %q (%v), and %s in lastack", d.Name, text, err, d.Format(d.Default))
		}
		for _, text := range bounds(d) {
			if err := lab.Sysctl(d.Name, text); err != nil {
				t.Error(err)
			}
		}
	}
	if compared < 7 { // all but the reuse delay and tw_recycle are old
		t.Errorf("Linux has only %d of the tunables", compared)
	}
}

// bounds are the smallest and the largest value, the widest range of ports, or one
// key and two.
func bounds(d tunable.Def) []string {
	switch d.Kind {
	case tunable.PortPair:
		return []string{fmt.Sprintf("%d %d", d.Min, d.Max)}
	case tunable.Keys:
		return []string{"1-2-3-4", "00000001-00000002-00000003-00000004,ffffffff-0-0-0"}
	}
	return []string{d.Format(d.Min), d.Format(d.Max)}
}

// TestReadme: its table has a row for each tunable, with the default.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../harness/host/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range tunable.All() {
		values := fmt.Sprintf("%d to %d", d.Min, d.Max)
		switch {
		case d.Kind == tunable.Keys:
			values = "one key, or two"
		case d.Max == 1:
			values = "0, 1"
		}
		row := fmt.Sprintf("| `%s` | %s | %s | ", d.Name, values, d.Format(d.Default))
		if !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row %q", row)
		}
	}
}

// TestFreeSocket: a host that was given no socket leaves another's alone.
func TestFreeSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if got := freeSocket(t.Context(), path); got != path {
		t.Errorf("nobody answers on %s, but it became %q", path, got)
	}
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		done <- srv.Serve(t.Context(), control.Config{
			Tunables: tunable.NewSet(), Info: func() control.HostInfo { return control.HostInfo{} },
		})
	}()
	if got := freeSocket(t.Context(), path); got != "" {
		t.Errorf("a host answers on %s, but it became %q", path, got)
	}
	if err := errors.Join(srv.Close(), <-done); err != nil {
		t.Error(err)
	}
}

func TestClientError(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"done":        {nil, exitOK},
		"refused":     {&control.Error{Status: 422, Message: "no"}, exitUsage},
		"no socket":   {fs.ErrNotExist, exitMissing},
		"interrupted": {context.Canceled, exitInterrupted},
		"gibberish":   {errors.New("no lastack host"), exitMissing},
	} {
		if got := status(clientError(tt.err)); got != tt.want {
			t.Errorf("%s: exit status %d, want %d", name, got, tt.want)
		}
	}
}
