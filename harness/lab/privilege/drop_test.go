package privilege

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// binaries are the programs whose children are tried: this one, and one with cgo, or
// without if this one has it, as under -race.
func binaries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"": "/proc/self/exe"}
	if other := "CGO_ENABLED=1"; !testing.Short() {
		if withCgo {
			other = "CGO_ENABLED=0"
		} else if _, err := exec.LookPath("cc"); err != nil {
			t.Logf("not tried with cgo, for want of a C compiler (sudo apt-get install gcc libc6-dev): %v", err)
			return all
		}
		all[other+", "] = build(t, other)
	}
	return all
}

func build(t *testing.T, env string) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("needs a test binary built with %s, which this one is not, and there is no go command to build it: %v", env, err)
	}
	out := filepath.Join(t.TempDir(), "privilege.test")
	cmd := exec.CommandContext(t.Context(), tool, "test", "-c", "-o", out)
	cmd.Env = append(os.Environ(), env)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, text)
	}
	// The child may be another user.
	for dir := filepath.Dir(out); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// run has a child carry out the order.
func run(t *testing.T, path string, attr *syscall.SysProcAttr, o order) report {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = append(os.Environ(), orderEnv+"="+string(text))
	cmd.SysProcAttr = attr
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if attr != nil && attr.Cloneflags != 0 && errors.Is(err, unix.EPERM) {
		t.Skipf("needs a user namespace: %v; sudo sysctl -w user.max_user_namespaces=15000", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// who starts a child as the test's user, as an ordinary user, or as the root of a
// user namespace.
type who struct {
	name       string
	privileged bool
	attr       func(t *testing.T) *syscall.SysProcAttr
}

func whos() []who {
	return []who{
		{"root", true, func(t *testing.T) *syscall.SysProcAttr {
			if now := cap.GetProc(); !in(now, cap.Permitted, SetPCap) || !in(now, cap.Permitted, NetAdmin) || !in(now, cap.Permitted, NetRaw) || !in(now, cap.Permitted, cap.SETUID) {
				t.Skip("needs to be run as root, to have capabilities that can be dropped; the user namespace's root is tested")
			}
			return nil
		}},
		{"root of a user namespace", true, func(*testing.T) *syscall.SysProcAttr {
			return &syscall.SysProcAttr{
				Cloneflags:  unix.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
			}
		}},
		{"ordinary user", false, func(*testing.T) *syscall.SysProcAttr {
			if os.Getuid() != 0 {
				return nil
			}
			return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true}}
		}},
	}
}

// mask is the sets' form in /proc.
func mask(caps ...Capability) string {
	var set uint64
	for _, c := range caps {
		set |= 1 << c
	}
	return fmt.Sprintf("%016x", set)
}

// same checks that all threads are as wanted, and that there are the ones held.
func same(t *testing.T, got []thread, want thread) {
	t.Helper()
	if len(got) < 2*extra {
		t.Errorf("%d threads, want at least the %d held", len(got), 2*extra)
	}
	for _, g := range got {
		if diff := cmp.Diff(want, g); diff != "" {
			t.Errorf("a thread of %d (-want +got):\n%s", len(got), diff)
		}
	}
}

func TestDrop(t *testing.T) {
	tests := []struct {
		name  string
		order order
		kept  []Capability
	}{
		{"everything", order{}, nil},
		{"but one", order{Keep: []Capability{NetAdmin}}, []Capability{NetAdmin}},
		{"but one in the upper half", order{Keep: []Capability{unix.CAP_BPF}}, []Capability{unix.CAP_BPF}},
		{"but two, one of them SETPCAP", order{Keep: []Capability{SetPCap, NetRaw}}, []Capability{SetPCap, NetRaw}},
		{"ambient ones too", order{Ambient: true}, nil},
		{"again", order{Keep: []Capability{SetPCap, NetAdmin}, Twice: true}, nil},
		{"numbers that are none", order{Keep: []Capability{63, 64, 1000, 1 << 30}}, nil},
	}
	for name, path := range binaries(t) {
		for _, w := range whos() {
			for _, tt := range tests {
				t.Run(name+w.name+", "+tt.name, func(t *testing.T) {
					attr := w.attr(t)
					if tt.order.Ambient && !w.privileged {
						t.Skip("an ordinary user has nothing to raise in the ambient set")
					}
					r := run(t, path, attr, tt.order)
					if r.Error != "" {
						t.Fatal(r.Error)
					}
					if r.Had != w.privileged {
						t.Errorf("Has(CAP_NET_ADMIN) was %v before", r.Had)
					}
					t.Logf("took %v on %d threads", r.Took, len(r.Before))
					check(t, r, w, tt.order, tt.kept)
				})
			}
		}
	}
}

// check compares a report with what must be left.
func check(t *testing.T, r report, w who, o order, kept []Capability) {
	t.Helper()
	want := thread{Uid: r.Before[0].Uid, Gid: r.Before[0].Gid, Groups: r.Before[0].Groups, Inh: none, Prm: none, Eff: none, Amb: none, NoNewPrivs: "1"}
	if w.privileged {
		want.Prm, want.Eff, want.Bnd = mask(kept...), mask(kept...), mask(kept...)
		if o.Ambient && r.Before[0].Amb != mask(NetRaw) {
			t.Fatalf("the ambient set was %s before, so nothing is shown", r.Before[0].Amb)
		}
		if diff := cmp.Diff(kept, r.Result.Kept); diff != "" {
			t.Error(diff)
		}
		if !o.Twice && len(r.Result.Dropped) < 30 {
			t.Errorf("dropped only %v", r.Result.Dropped)
		}
	} else {
		want.Bnd = r.Before[0].Bnd
		if len(r.Result.Kept)+len(r.Result.Dropped) != 0 {
			t.Errorf("%+v of a process without capabilities", r.Result)
		}
	}
	if r.Result.Bounding != w.privileged {
		t.Errorf("Bounding is %v", r.Result.Bounding)
	}
	same(t, r.Threads, want)
	hasAdmin := slices.Contains(r.Result.Kept, NetAdmin)
	if r.Has != hasAdmin {
		t.Errorf("Has(CAP_NET_ADMIN) is %v afterwards", r.Has)
	}
	if regained := r.Regain == "<nil>"; regained != hasAdmin {
		t.Errorf("asking for CAP_NET_ADMIN again: %s", r.Regain)
	}
	// Without ambient capabilities an executed program has none, unless root's
	// magic gives it what root kept, but never more.
	for _, e := range r.Exec.Threads {
		if e.NoNewPrivs != "1" || (e.Eff != none && e.Eff != want.Eff) || e.Bnd != want.Bnd {
			t.Errorf("an executed program has %+v", e)
		}
	}
}

func TestUnevenThreads(t *testing.T) {
	for _, w := range whos() {
		t.Run(w.name, func(t *testing.T) {
			attr := w.attr(t)
			if !w.privileged {
				t.Skip("an ordinary user's threads have nothing to differ in")
			}
			r := run(t, "/proc/self/exe", attr, order{Uneven: true})
			if !r.Uneven {
				t.Errorf("error %q, want ErrUneven", r.Error)
			}
			if !r.Has || r.Threads[0] != r.Before[0] {
				t.Errorf("something was dropped: %+v before, %+v after", r.Before[0], r.Threads[0])
			}
		})
	}
}

func TestEven(t *testing.T) {
	tests := []struct {
		name     string
		statuses []string
		want     error
	}{
		{"alike", []string{"Name:\ta\nCapEff:\t01\n", "Name:\tb\nCapEff:\t01\n"}, nil},
		{"one has less", []string{"CapEff:\t01\nCapBnd:\t03\n", "CapEff:\t01\nCapBnd:\t03\n", "CapEff:\t00\nCapBnd:\t03\n"}, ErrUneven},
		{"one is bounded", []string{"CapEff:\t01\nCapBnd:\t03\n", "CapEff:\t01\nCapBnd:\t01\n"}, ErrUneven},
		{"one is another user's", []string{"Uid:\t0\t0\t0\t0\n", "Uid:\t0\t5\t0\t5\n"}, ErrUneven},
		{"one is in another group", []string{"Groups:\t4 5\n", "Groups:\t4\n"}, ErrUneven},
		{"one has ended", []string{"CapEff:\t01\n", ""}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for i, status := range tt.statuses {
				task := filepath.Join(dir, fmt.Sprint(100+i))
				if err := os.Mkdir(task, 0o755); err != nil {
					t.Fatal(err)
				}
				if status == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(task, "status"), []byte(status), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := even(dir); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	if err := even(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without /proc: %v", err)
	}
}

func TestHas(t *testing.T) {
	for _, c := range []Capability{63, 64, 1 << 30} {
		if Has(c) {
			t.Errorf("has %v, which does not exist", c)
		}
	}
}
