package control_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lastack/harness/host/control"

	"golang.org/x/sys/unix"
)

// TestLockedDirectory: everybody may lock a directory that they may read, which is
// nothing to a server.
func TestLockedDirectory(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	srv, err := control.Listen(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	empty(t, dir)
}

// empty: a server leaves neither socket nor lock.
func empty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestStaleLock: of a server that was killed while it had the lock.
func TestStaleLock(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	srv.Close()
	empty(t, dir)
}

func TestLockThatIsSomethingElse(t *testing.T) {
	for name, put := range map[string]func(string) error{
		"a file with content":         func(name string) error { return os.WriteFile(name, []byte("precious"), 0o600) },
		"a file that others may open": func(name string) error { return errors.Join(os.WriteFile(name, nil, 0o600), os.Chmod(name, 0o644)) },
		"a link":                      func(name string) error { return os.Symlink("/dev/null", name) },
		"a directory":                 func(name string) error { return os.Mkdir(name, 0o700) },
		"a pipe":                      func(name string) error { return unix.Mkfifo(name, 0o600) },
	} {
		path := filepath.Join(t.TempDir(), "s")
		if err := put(path + ".lock"); err != nil {
			t.Fatal(err)
		}
		before, _ := os.Lstat(path + ".lock")
		if srv, err := control.Listen(path); err == nil {
			srv.Close()
			t.Errorf("%s was taken for a lock", name)
		}
		if after, err := os.Lstat(path + ".lock"); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

// TestOtherUsersCannotHoldTheLock: another user locks what it may open in the directory,
// and in one that everybody may write to has made the lock before. The first is nothing
// to a server, the second is said at once.
func TestOtherUsersCannotHoldTheLock(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs to be run as root, to be another user as well; TestLockedDirectory has one user")
	}
	for _, tt := range []struct {
		name  string
		mode  fs.FileMode
		order string
		want  string
	}{
		{"a directory that others may read", 0o755, `exec 3<"$0" && flock -n 3 && ! true 2>/dev/null >"$0/s.lock" && echo held && read -r end`, ""},
		{"a directory like /tmp", fs.ModeSticky | 0o777, `exec 3>"$0/s.lock" && flock -n 3 && echo held && read -r end`, "only you may write to"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for d := dir; strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
				if err := os.Chmod(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, tt.mode); err != nil {
				t.Fatal(err)
			}
			hold(t, tt.order, dir)
			srv, err := control.Listen(filepath.Join(dir, "s"))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				srv.Close()
				return
			}
			if err == nil {
				srv.Close()
				t.Fatal("another user's lock was used")
			}
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; want %q in it", err, tt.want)
			}
		})
	}
}

// hold has another user run a shell command on the directory until the test ends.
func hold(t *testing.T, command, dir string) {
	t.Helper()
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skipf("needs flock (sudo apt-get install util-linux): %v", err)
	}
	cmd := exec.Command("sh", "-c", command, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65533, Gid: 65533}}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // read(1) ends with 1 at the end of its input
	})
	if n, err := stdout.Read(make([]byte, 8)); n == 0 {
		t.Fatalf("the other user holds nothing: %v", err)
	}
}
