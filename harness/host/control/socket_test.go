package control_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lastack/harness/host/control"
	"lastack/stack/tunable"

	"golang.org/x/sys/unix"
)

// leaveStale makes a socket file that nobody answers on, as a killed process does.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

// fill makes a listening socket with no room for another connection.
func fill(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = unix.Listen(fd, 0)
	}
	for err == nil {
		var c net.Conn
		if c, err = net.Dial("unix", path); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
}

func TestListenRefuses(t *testing.T) {
	tests := []struct {
		name string
		path func(t *testing.T, dir string) string
		is   error
		want string
	}{
		{"somebody answers", func(t *testing.T, dir string) string { return serve(t, tunable.NewSet()) },
			control.ErrInUse, "ss -xlp"},
		{"somebody is too busy to answer", func(t *testing.T, dir string) string {
			fill(t, filepath.Join(dir, "s"))
			return filepath.Join(dir, "s")
		}, control.ErrInUse, "busy"},
		{"a socket of another kind", func(t *testing.T, dir string) string {
			c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return filepath.Join(dir, "s")
		}, unix.EPROTOTYPE, "cannot be told"},
		{"a file", func(t *testing.T, dir string) string {
			if err := os.WriteFile(filepath.Join(dir, "s"), []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(dir, "s")
		}, fs.ErrExist, "is no socket"},
		{"a link to nowhere", func(t *testing.T, dir string) string {
			if err := os.Symlink("nowhere", filepath.Join(dir, "s")); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(dir, "s")
		}, fs.ErrExist, "is no socket"},
		{"a directory", func(t *testing.T, dir string) string { return dir }, fs.ErrExist, "is no socket"},
		{"no directory", func(t *testing.T, dir string) string { return filepath.Join(dir, "none", "s") },
			fs.ErrNotExist, "mkdir -p"},
		{"a directory that is a file", func(t *testing.T, dir string) string { return "/proc/self/status/s" },
			unix.ENOTDIR, "directory cannot be used"},
		{"a directory that takes no files", func(t *testing.T, dir string) string { return "/sys/lastack-test.sock" },
			fs.ErrPermission, "may write to"},
		{"too long", func(t *testing.T, dir string) string { return "/" + strings.Repeat("x", 107) }, nil, "108 bytes long"},
		{"abstract", func(t *testing.T, dir string) string { return "@lastack" }, nil, "everybody may open"},
		{"a NUL byte", func(t *testing.T, dir string) string { return "/tmp/a\x00b" }, nil, "NUL"},
		{"empty", func(t *testing.T, dir string) string { return "" }, nil, "empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.path(t, t.TempDir())
			before, _ := os.Lstat(path)
			srv, err := control.Listen(path)
			if err == nil {
				srv.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) || (tt.is != nil && !errors.Is(err, tt.is)) {
				t.Errorf("%v\nwant %q in it, and %v wrapped", err, tt.want, tt.is)
			}
			if after, _ := os.Lstat(path); before != nil && (after == nil || !os.SameFile(before, after)) {
				t.Error("what was there is gone")
			}
		})
	}
}

// TestMode: whatever the umask, others never get in, and nothing changes the mode
// after the file exists.
func TestMode(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		dir := t.TempDir()
		old := unix.Umask(umask)
		srv, err := control.Listen(filepath.Join(dir, "s"))
		unix.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.Lstat(srv.Path())
		if err != nil {
			t.Fatal(err)
		}
		if got := file.Mode(); got != fs.ModeSocket|0o600 {
			t.Errorf("umask %03o: mode %v, want a socket with 0600", umask, got)
		}
		srv.Close()
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	leaveStale(t, path)
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("nobody listens on the new socket: %v", err)
	}
	c.Close()
}

// TestStartersAtOnce: of many that find the same stale socket one wins, and
// nobody takes the winner's for stale.
func TestStartersAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "s")
		leaveStale(t, path)
		var wg sync.WaitGroup
		won := make(chan *control.Server, 8)
		for range cap(won) {
			wg.Go(func() {
				srv, err := control.Listen(path)
				if err == nil {
					won <- srv
				} else if !errors.Is(err, control.ErrInUse) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Errorf("%d servers listen on one socket", len(won))
		}
		for range len(won) {
			(<-won).Close()
		}
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket file is still there (%v)", err)
	}
}

func TestCloseWithoutServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	}
	gone(t, path)
	if err := srv.Serve(t.Context(), config(tunable.NewSet())); err != nil {
		t.Errorf("Serve after Close: %v, want nil at once", err)
	}
}

func TestServeNeedsAConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(t.Context(), control.Config{}); err == nil {
		t.Error("an empty Config was taken")
	}
	gone(t, path)
}

func TestCloseEndsServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- srv.Serve(t.Context(), config(tunable.NewSet())) }()
	if _, err := control.NewClient(path).Host(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	gone(t, path)
}

// TestSilentClientDoesNotHoldTheServer: a connection that never sends its
// request is cut when the grace is over, long before its own time limit.
func TestSilentClientDoesNotHoldTheServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- srv.Serve(ctx, config(tunable.NewSet())) }()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("PUT /v1/tunables/lastack.msl_ms HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
	// Connections are accepted in order: when this one is answered, the server
	// has the silent one.
	if _, err := control.NewClient(path).Host(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(4 * time.Second):
		t.Fatal("the server still waits for a client that says nothing")
	}
	gone(t, path)
}

// TestRequestThatHasBegunIsAnswered although the server ends meanwhile.
func TestRequestThatHasBegunIsAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(t.Context())
	c := config(tunable.NewSet())
	ended := make(chan struct{})
	c.Info = func() control.HostInfo {
		cancel()
		<-ended // the name goes first
		return info
	}
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- srv.Serve(ctx, c) }()
	go func() {
		defer close(ended)
		for err := error(nil); err == nil; _, err = os.Lstat(path) {
			runtime.Gosched()
		}
	}()
	if got, err := control.NewClient(path).Host(t.Context()); err != nil || got.Version != info.Version {
		t.Errorf("%+v, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestSuccessorKeepsItsSocket: the file is removed by name only while it is ours.
func TestSuccessorKeepsItsSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the first server removed the second's socket: %v", err)
	}
	second.Close()
	gone(t, path)
}
