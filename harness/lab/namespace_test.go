package lab_test

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

func TestDoStaysApart(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	far, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	home, _, err := netnsIdentity()
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]uint64, 200)
	var wg sync.WaitGroup
	for i := range seen {
		wg.Go(func() {
			if err := far.Do(func() (err error) {
				seen[i], _, err = netnsIdentity()
				return err
			}); err != nil {
				t.Error(err)
			}
			if here, _, err := netnsIdentity(); here != home || err != nil {
				t.Errorf("after Do a goroutine is in namespace %d, want %d (%v)", here, home, err)
			}
		})
	}
	wg.Wait()
	for i, inode := range seen {
		if inode != seen[0] || inode == home {
			t.Errorf("call %d of Do was in %d, the first one in %d, home is %d", i, inode, seen[0], home)
		}
	}
}

// TestDoSparesTheMainThread: the main thread cannot end, and its namespace is what
// the world takes for the process's. The helper makes Do's goroutine land there.
func TestDoSparesTheMainThread(t *testing.T) {
	both(t, func(t *testing.T, userns bool) {
		p := startHelper(t, mainThread, userns, nil)
		if code, _ := p.end(); code != 0 || p.report.Work != "" {
			t.Errorf("exit code %d, %s, %s", code, p.report.Work, p.stderr)
		}
	})
}

func TestDoErrors(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	ns, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	sentinel := errors.New("sentinel")
	if err := ns.Do(func() error { return sentinel }); err != sentinel {
		t.Errorf("Do returned %v, want fn's error as it is", err)
	}
	if err := ns.Do(func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("Do of a function that never returned is nil")
	}
	if err := ns.Do(ns.Close); err != nil {
		t.Errorf("closing from within: %v", err)
	}
	if err := ns.Do(func() error { return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Do after Close: %v, want os.ErrClosed", err)
	}
	if err := ns.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestSysctlIsPerNamespace(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	const key = "net.ipv4.tcp_fin_timeout"
	far, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Sysctl(key, "11"); err != nil {
		t.Fatal(err)
	}
	if err := far.Sysctl(key, "22"); err != nil {
		t.Fatal(err)
	}
	here, err := lab.ReadSysctl(key)
	if here != "11" || err != nil {
		t.Errorf("here %s is %q (%v), want 11", key, here, err)
	}
	there, err := far.ReadSysctl(key)
	if there != "22" || err != nil {
		t.Errorf("there %s is %q (%v), want 22", key, there, err)
	}
}

func TestSysctlRefuses(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	tests := []struct{ key, value, want string }{
		{"kernel.printk", "1", "does not belong to a network namespace"},
		{"net/../kernel/printk", "1", "is not the name of a tunable"},
		{"net.ipv4.no_such_key", "1", "no such file"},
		{"net.ipv4.tcp_fin_timeout", "soon", "invalid argument"},
	}
	for _, tt := range tests {
		err := lab.Sysctl(tt.key, tt.value)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Sysctl(%q, %q) = %v, want an error with %q", tt.key, tt.value, err, tt.want)
		}
	}
	if err := lab.Sysctl("net/ipv4/conf/lo/rp_filter", "1"); err != nil {
		t.Errorf("a name with slashes: %v", err)
	}
}

func TestCongestionControl(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	got, err := lab.CongestionControl("no-such-algorithm", "cubic", "reno")
	if err != nil || got != "cubic" && got != "reno" {
		t.Fatalf("chose %q: %v", got, err)
	}
	if inForce, err := lab.ReadSysctl("net.ipv4.tcp_congestion_control"); inForce != got || err != nil {
		t.Errorf("in force is %q (%v), want %q", inForce, err, got)
	}
	kept, err := lab.CongestionControl("no-such-algorithm")
	if err == nil || kept != got {
		t.Errorf("an unknown algorithm gave %q, %v; want an error, and %q still in force", kept, err, got)
	}
}

// TestOpenNamespace: by number and by path a namespace is the one that was meant, and what
// is none is an error that names it.
func TestOpenNamespace(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, bad := range []string{"", "no-such-name", "2147483646", "4294967296", "/proc/self/ns/mnt", "/dev/null", "/no/where"} {
		if ns, err := lab.OpenNamespace(bad); err == nil || !strings.Contains(err.Error(), "network namespace") || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v, %v", bad, ns, err)
		}
	}
	home, _, err := netnsIdentity()
	if err != nil {
		t.Fatal(err)
	}
	far, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	pid, err := os.Readlink("/proc/self") // as it is called outside, as /proc is from there
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pid, "/proc/self/ns/net"} {
		ns, err := lab.OpenNamespace(name)
		if err != nil {
			t.Fatal(err)
		}
		// From another one, so that it shows that Do went there.
		err = far.Do(func() error {
			return ns.Do(func() error {
				if got, _, err := netnsIdentity(); err != nil || got != home {
					t.Errorf("%s: %v, %v; want %v", name, got, err, home)
				}
				return nil
			})
		})
		if err != nil {
			t.Error(err)
		}
		ns.Close()
	}
}
