//go:build unix

package capture

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// awaitInput waits until a read of the file does not block, and reports false if
// that did not come in time.
func awaitInput(f *os.File, limit time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(limit/time.Millisecond))
	return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
}
