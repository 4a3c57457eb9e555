package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lockTimeout is how long another server may take to open or close the same
// socket, which is microseconds.
const lockTimeout = 2 * time.Second

// lock keeps other servers of this package from opening or closing the socket at path,
// until unlock is called. Only who may open a file can lock it, so the lock is a file of this
// user's alone, beside the socket, which is there only meanwhile: everybody may
// open and lock the directory.
func lock(path string) (unlock func(), err error) {
	name := path + ".lock"
	giveUp := time.Now().Add(lockTimeout)
	for {
		f, err := openLock(name)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && still(f, name) {
			return func() {
				_ = os.Remove(name) // the next server makes do with one that stays
				f.Close()
			}, nil
		}
		f.Close()
		if err != nil && err != unix.EWOULDBLOCK && err != unix.EINTR || time.Now().After(giveUp) {
			return nil, fmt.Errorf("%s stays locked by another process: %w", name, os.NewSyscallError("flock", err))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// openLock opens the lock file, or makes it. It refuses what another user has put there,
// who might hold it for ever.
func openLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, socketMode)
	dir := filepath.Dir(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("its directory does not exist: %w; mkdir -p %s", err, dir)
	case errors.Is(err, fs.ErrPermission) && exists(name):
		// Of another user, or, in a directory like /tmp, kept from root by fs.protected_regular.
		return nil, fmt.Errorf("its lock is another user's: %w; remove it, or choose a directory that only you may write to", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return nil, fmt.Errorf("no file can be made in %s: %w; choose a directory you may write to", dir, err)
	case err != nil:
		return nil, fmt.Errorf("its directory cannot be used: %w", err)
	}
	st, err := f.Stat()
	if err == nil {
		err = ours(name, st)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// ours reports an error unless the file is a lock that nobody else can hold.
func ours(name string, st fs.FileInfo) error {
	owner := st.Sys().(*syscall.Stat_t).Uid
	switch {
	case int(owner) != os.Geteuid():
		return fmt.Errorf("its lock %s belongs to user %d: %w; remove it, or choose a directory that only you may write to", name, owner, fs.ErrPermission)
	case !st.Mode().IsRegular() || st.Size() > 0 || st.Mode().Perm()&^socketMode != 0:
		return fmt.Errorf("its lock would be %s, which is something else: %w; remove it, or choose another path", name, fs.ErrExist)
	}
	return nil
}

// still reports whether the file still has the name: the previous holder of the lock
// removed the file.
func still(f *os.File, name string) bool {
	held, errHeld := f.Stat()
	named, errNamed := os.Lstat(name)
	return errHeld == nil && errNamed == nil && os.SameFile(held, named)
}
