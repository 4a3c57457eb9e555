//go:build unix

package screen

import "golang.org/x/sys/unix"

func columns(fd uintptr) (int, error) {
	size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ)
	if err != nil {
		return 0, err
	}
	return int(size.Col), nil
}
