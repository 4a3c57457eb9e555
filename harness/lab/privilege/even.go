package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// tasks has a directory for each thread of this process.
const tasks = "/proc/self/task"

// even compares the privileges of all threads. The process ends
// when a system call comes out differently on two of them, so a difference
// has to be found before.
func even(dir string) error {
	threads, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list the threads: %w; is /proc mounted?", err)
	}
	first := ""
	for _, thread := range threads {
		status, err := os.ReadFile(filepath.Join(dir, thread.Name(), "status"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return fmt.Errorf("read a thread's privileges: %w", err)
		}
		has := lines(string(status), "Uid:", "Gid:", "Groups:", "Cap")
		if first == "" {
			first = has
		}
		if has != first {
			return fmt.Errorf("%w: thread %s has %s, another %s", ErrUneven, thread.Name(), has, first)
		}
	}
	return nil
}

// lines joins the lines of a status file that begin with one of the keys.
func lines(status string, keys ...string) string {
	var found []string
	for line := range strings.Lines(status) {
		if slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(line, key) }) {
			found = append(found, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(found, ", ")
}

// verify reads back what the calling thread is left with, and that all are alike.
func verify(r *Result) error {
	if left := list(cap.GetProc(), cap.Permitted); !slices.Equal(left, r.Kept) {
		return fmt.Errorf("%v are left instead of %v", left, r.Kept)
	}
	if r.User != nil {
		if err := is(*r.User); err != nil {
			return err
		}
	}
	if err := even(tasks); err != nil {
		return fmt.Errorf("not on all threads: %w", err)
	}
	return nil
}

// is reports an error unless the calling thread is the user in every respect.
func is(u User) error {
	uid, euid, suid := unix.Getresuid()
	gid, egid, sgid := unix.Getresgid()
	groups, err := unix.Getgroups()
	if err != nil {
		return fmt.Errorf("read the groups: %w", err)
	}
	if [3]int{uid, euid, suid} != [3]int{u.UID, u.UID, u.UID} || [3]int{gid, egid, sgid} != [3]int{u.GID, u.GID, u.GID} || len(groups) > 0 {
		return fmt.Errorf("users %d, %d, %d, groups %d, %d, %d and %v are left instead of user %d and group %d", uid, euid, suid, gid, egid, sgid, groups, u.UID, u.GID)
	}
	return nil
}
