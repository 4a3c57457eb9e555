package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// message is a netlink message of the test's own.
func message(kind, flags uint16, body ...byte) []byte {
	b := make([]byte, netlinkHeader, netlinkHeader+len(body))
	binary.NativeEndian.PutUint32(b, uint32(netlinkHeader+len(body)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	return append(b, body...)
}

func TestEachMessage(t *testing.T) {
	two := append(message(unix.SOCK_DIAG_BY_FAMILY, 0, make([]byte, diagMessageSize)...), message(unix.NLMSG_DONE, 0, 0, 0, 0, 0)...)
	refusal := binary.NativeEndian.AppendUint32(nil, ^uint32(unix.ENOENT)+1)
	stop := errors.New("stop")
	for name, tt := range map[string]struct {
		in   []byte
		f    error
		done bool
		want error
		n    int
	}{
		"a socket and the end": {in: two, done: true, n: 1},
		"refused":              {in: message(unix.NLMSG_ERROR, 0, refusal...), done: true, want: unix.ENOENT},
		"interrupted":          {in: message(unix.SOCK_DIAG_BY_FAMILY, dumpInterrupted), want: errInterrupted},
		"stopped":              {in: two, f: stop, want: stop, n: 1},
	} {
		n := 0
		done, err := eachMessage(tt.in, new(Socket), func(*Socket) error { n++; return tt.f })
		if done != tt.done || !errors.Is(err, tt.want) || n != tt.n {
			t.Errorf("%s: done %v, %v, %d sockets", name, done, err, n)
		}
	}
}

func FuzzEachMessage(f *testing.F) {
	f.Add(message(unix.SOCK_DIAG_BY_FAMILY, 0, make([]byte, diagMessageSize)...))
	f.Add(message(unix.NLMSG_DONE, 0, 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		_, _ = eachMessage(b, new(Socket), func(*Socket) error { n++; return nil })
		if n*diagMessageSize > len(b) {
			t.Errorf("%d sockets in %d bytes", n, len(b))
		}
	})
}

func TestEachSocketEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := EachSocket(ctx, func(*Socket) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want what the context says", err)
	}
}

// TestListNamespaces: of a /proc and a /run/netns of the test's own.
func TestListNamespaces(t *testing.T) {
	dir := t.TempDir()
	named := filepath.Join(dir, "netns")
	process := func(pid, comm, link string) {
		ns := filepath.Join(dir, "proc", pid, "ns")
		if err := errors.Join(os.MkdirAll(ns, 0o755), os.Symlink(link, filepath.Join(ns, "net")),
			os.WriteFile(filepath.Join(dir, "proc", pid, "comm"), []byte(comm+"\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	process("1", "init", "net:[7]")
	process("5", "pod", "net:[8]")
	process("6", "more", "net:[8]")
	process("9", "odd", "elsewhere")
	process("self", "self", "net:[9]")
	list, left, err := listNamespaces(named, filepath.Join(dir, "proc"))
	if err != nil || left != 0 || len(list) != 2 || list[1] != (NamespaceInfo{Inode: 8, PID: 5, Comm: "pod"}) || list[1].Open() != "5" {
		t.Errorf("%+v, %d left, %v", list, left, err)
	}
	if err := errors.Join(os.Mkdir(named, 0o755), os.WriteFile(filepath.Join(named, "blue"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	list, _, err = listNamespaces(named, filepath.Join(dir, "proc"))
	if err != nil || len(list) != 3 || list[0].Name != "blue" || list[0].Open() != "blue" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, _, err := listNamespaces(named, filepath.Join(dir, "none")); err == nil {
		t.Error("no /proc, and no error")
	}
}
