package privilege

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// group is one that a child of root is in beside root's own.
const group = 4242

// secrets makes a file that only root may read, beside one that its group may read, in
// a directory that everybody may look into.
func secrets(t *testing.T) (path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "secret")
	err := errors.Join(
		os.WriteFile(path, []byte("for root alone"), 0o600),
		os.WriteFile(path+"-of-group", []byte("for the group"), 0o640), os.Chown(path+"-of-group", 0, group),
	)
	for ; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		err = errors.Join(err, os.Chmod(dir, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRootBecomesAnotherUser: afterwards no thread, and no program that it executes, can
// do anything with root's files, or become root again.
func TestRootBecomesAnotherUser(t *testing.T) {
	needRoot(t)
	attr := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 0, Gid: 0, Groups: []uint32{0, group}}}
	to := &User{4711, 4712}
	for name, path := range binaries(t) {
		secret := secrets(t)
		t.Run(name+"before", func(t *testing.T) {
			r := run(t, path, attr, order{Exec: true, Secret: secret})
			for _, what := range []string{"read", "write", "create", "chmod", "read by group"} {
				if !slices.Contains(r.Secret, what) {
					t.Errorf("root cannot %s, so nothing is shown below: %v", what, r.Secret)
				}
			}
			if !slices.Contains(r.Back, "setuid 0") || !slices.Contains(r.Back, "setfsuid 0") {
				t.Errorf("root cannot become root, so nothing is shown below: %v", r.Back)
			}
		})
		for what, o := range map[string]order{
			"everything": {To: to, Secret: secret},
			"but one":    {To: to, Secret: secret, Keep: []Capability{NetAdmin}},
			"ambient":    {To: to, Secret: secret, Ambient: true},
		} {
			t.Run(name+what, func(t *testing.T) {
				r := run(t, path, attr, o)
				if r.Error != "" {
					t.Fatal(r.Error)
				}
				if r.Result.User == nil || *r.Result.User != *to || r.Result.StaysRoot != "" {
					t.Errorf("became %v (%s), want %v", r.Result.User, r.Result.StaysRoot, to)
				}
				same(t, r.Threads, thread{
					Uid: "4711\t4711\t4711\t4711", Gid: "4712\t4712\t4712\t4712",
					Inh: none, Prm: mask(o.Keep...), Eff: mask(o.Keep...), Bnd: mask(o.Keep...), Amb: none, NoNewPrivs: "1",
				})
				left := slices.Concat(r.Secret, r.Back, r.Exec.Secret, r.Exec.Back)
				if len(left) > 0 {
					t.Errorf("it can still %s", strings.Join(left, ", "))
				}
				if got, err := os.ReadFile(secret); err != nil || string(got) != "for root alone" {
					t.Errorf("the secret is %q, %v", got, err)
				}
			})
		}
	}
}

// TestRootOfItsOwnNamespace: there is nobody else to become. Whether that matters depends on
// who it is outside.
func TestRootOfItsOwnNamespace(t *testing.T) {
	attr := &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	r := run(t, "/proc/self/exe", attr, order{To: &User{4711, 4712}})
	if r.Error != "" || r.Result.User != nil {
		t.Fatalf("%s; became %v", r.Error, r.Result.User)
	}
	if said := r.Result.StaysRoot != ""; said != (os.Getuid() == 0) {
		t.Errorf("run by user %d: stays root because %q", os.Getuid(), r.Result.StaysRoot)
	}
	if len(r.Result.Kept) > 0 {
		t.Errorf("kept %v", r.Result.Kept)
	}
}

// TestForeignProc: with cgo, threads would be missed in a PID namespace without its own /proc.
func TestForeignProc(t *testing.T) {
	needRoot(t)
	r := run(t, "/proc/self/exe", &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}, order{To: &User{4711, 4712}})
	if foreign := strings.Contains(r.Error, ErrProc.Error()); foreign != withCgo {
		t.Errorf("cgo %v: %s", withCgo, r.Error)
	}
	if withCgo && (r.Threads[0] != r.Before[0] || r.Has != r.Had) {
		t.Errorf("something was changed: %+v before, %+v after", r.Before, r.Threads)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if now := cap.GetProc(); os.Getuid() != 0 || !in(now, cap.Permitted, cap.SETUID) || !in(now, cap.Permitted, cap.SETGID) {
		t.Skip("needs to be run as root, to become another user")
	}
}

func TestOrdinary(t *testing.T) {
	nobody := ordinary(User{0, 0}, 0, func(string) string { return "" })
	if nobody == nil || nobody.UID <= 0 || nobody.GID <= 0 {
		t.Fatalf("without sudo %v, want nobody", nobody)
	}
	for _, tt := range []struct {
		real      User
		effective int
		uid, gid  string
		want      *User
	}{
		{User{0, 0}, 0, "1000", "1001", &User{1000, 1001}},
		{User{0, 0}, 0, "0", "0", nobody}, // root called sudo
		{User{0, 0}, 0, "1000", "", nobody},
		{User{0, 0}, 0, "1000", "0", nobody},
		{User{0, 0}, 0, "-1", "-1", nobody},
		{User{0, 0}, 0, "4294967295", "4294967295", nobody}, // -1 to the kernel
		{User{0, 0}, 0, "1e3", "x", nobody},
		{User{1000, 1000}, 1000, "", "", nil},
		{User{1000, 1000}, 1000, "5", "5", nil},
		{User{1000, 1001}, 0, "5", "5", &User{1000, 1001}}, // set-user-ID: the environment is theirs
	} {
		got := ordinary(tt.real, tt.effective, func(key string) string {
			return map[string]string{"SUDO_UID": tt.uid, "SUDO_GID": tt.gid}[key]
		})
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestMap(t *testing.T) {
	file := filepath.Join(t.TempDir(), "uid_map")
	if err := os.WriteFile(file, []byte("         0       1000          1\n         1     100000      65536\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	maps, err := readMap(file)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int{0: 1000, 1: 100000, 65534: 165533, 65536: 165535} {
		if got, ok := outside(maps, n); !ok || got != want {
			t.Errorf("%d is %d, %v outside, want %d", n, got, ok, want)
		}
	}
	if got, ok := outside(maps, 65537); ok {
		t.Errorf("65537 is %d outside", got)
	}
	if err := os.WriteFile(file, []byte("0 x 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readMap(file); err == nil {
		t.Error("nonsense was read")
	}
}
