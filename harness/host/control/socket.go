package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrInUse says that another process answers on the socket.
var ErrInUse = errors.New("another process answers on it")

const (
	// maxPath is the longest path in bytes: sun_path's 108 less the final NUL.
	maxPath = 107
	// socketMode lets the owner in, and root, who cannot be kept out.
	socketMode = 0o600
	// probeTimeout bounds the question whether anybody answers.
	probeTimeout = time.Second
)

// checkPath refuses what the kernel, or package net, would take for something else.
func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("the path is empty; give one such as /run/lastack/lastack.sock")
	case strings.HasPrefix(path, "@"):
		return errors.New("a name that begins with @ is an abstract socket, which everybody may open; write ./@... for a file of that name")
	case strings.ContainsRune(path, 0):
		return errors.New("the path has a NUL byte in it")
	case len(path) > maxPath:
		return fmt.Errorf("the path is %d bytes long and a unix socket's is at most %d; use a shorter one, or one relative to the working directory", len(path), maxPath)
	}
	return nil
}

// listen makes the socket file, listening, or says what is in the way. A stale
// socket, which nobody answers on, is replaced.
func listen(path string) (*net.UnixListener, fs.FileInfo, error) {
	if err := checkPath(path); err != nil {
		return nil, nil, err
	}
	// From bind to listen a socket looks as dead as a stale one. Under the lock
	// no two servers take each other's for stale.
	unlock, err := lock(path)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	if err := clearStale(path); err != nil {
		return nil, nil, err
	}
	lc := net.ListenConfig{Control: restrict}
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, nil, bindError(path, err)
	}
	l := ln.(*net.UnixListener)
	// Package net would remove whatever has the name when the listener is
	// closed; see remove.
	l.SetUnlinkOnClose(false)
	file, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, nil, err
	}
	return l, file, nil
}

// restrict sets the mode before the name exists: Linux makes the file with the
// mode of the unbound socket, less the umask. A chmod after bind would leave a
// moment in which others may connect, and the umask belongs to all threads.
func restrict(_, _ string, c syscall.RawConn) error {
	var modeErr error
	err := c.Control(func(fd uintptr) { modeErr = unix.Fchmod(int(fd), socketMode) })
	return errors.Join(err, os.NewSyscallError("fchmod", modeErr))
}

// clearStale removes the socket of a process that is gone, and refuses to
// touch anything else.
func clearStale(path string) error {
	file, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if file.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%w and is no socket; remove it, or choose another path", fs.ErrExist)
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%w; end it (ss -xlp src unix:%s names it), or choose another path", ErrInUse, path)
	case errors.Is(err, unix.EAGAIN), os.IsTimeout(err):
		return fmt.Errorf("%w, or would if it were not busy; end it, or choose another path", ErrInUse)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("a socket is there already, and whether it is in use cannot be told: %w; remove it, or choose another path", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a stale socket is in the way: %w", err)
	}
	return nil
}

func bindError(path string, err error) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("something else has taken the name just now: %w", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return fmt.Errorf("no file can be made in %s: %w; choose a directory you may write to", filepath.Dir(path), err)
	}
	return err
}

// remove takes the name away if it is still the file that listen made: by now
// somebody may have removed it and put another there.
func remove(path string, file fs.FileInfo) error {
	if unlock, err := lock(path); err == nil {
		defer unlock()
	}
	now, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !os.SameFile(file, now)) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(path)
}
