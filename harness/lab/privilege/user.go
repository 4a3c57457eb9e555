package privilege

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// User is whom a process acts as.
type User struct{ UID, GID int }

// overflow is the kernel's number for whom it cannot name, and nobody's where there is
// no list of users.
const overflow = 65534

// Ordinary is the user that a process started by root should become: the one that called
// sudo (SUDO_UID and SUDO_GID, of which getenv tells), or nobody; and of a set-user-ID
// program the one that started it, who chose its environment. It is nil in a process that
// is not root's: that is an ordinary user already.
func Ordinary(getenv func(string) string) *User {
	return ordinary(User{os.Getuid(), os.Getgid()}, os.Geteuid(), getenv)
}

func ordinary(real User, effective int, getenv func(string) string) *User {
	switch {
	case real.UID != 0 && effective != 0:
		return nil
	case real.UID != 0:
		return &real
	}
	uid, gid := number(getenv("SUDO_UID")), number(getenv("SUDO_GID"))
	if uid > 0 && gid > 0 {
		return &User{uid, gid}
	}
	if u, err := user.Lookup("nobody"); err == nil {
		if uid, gid := number(u.Uid), number(u.Gid); uid > 0 && gid > 0 {
			return &User{uid, gid}
		}
	}
	return &User{overflow, overflow}
}

// number is a user's or group's, or -1.
func number(text string) int {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 1<<32-1 { // which means "leave it" in system calls
		return -1
	}
	return int(n)
}

// mapping is a line of /proc/self/uid_map or gid_map: count numbers from inside on in this
// user namespace are those from outside on in the one around it.
type mapping struct{ inside, outside, count int }

func readMap(path string) ([]mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read which users there are in this user namespace: %w", err)
	}
	var all []mapping
	for line := range strings.Lines(string(text)) {
		var m mapping
		if _, err := fmt.Sscan(line, &m.inside, &m.outside, &m.count); err != nil {
			return nil, fmt.Errorf("read which users there are in this user namespace: %s: %q: %w", path, line, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// outside is what a number is called around the user namespace.
func outside(maps []mapping, n int) (int, bool) {
	for _, m := range maps {
		if n >= m.inside && n-m.inside < m.count {
			return m.outside + n - m.inside, true
		}
	}
	return 0, false
}
