package lab

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// RaisePriority gives this process, and the clients it starts, precedence over what else
// the machine does, so that applications close when they are told to. Where that
// is not permitted, as in a user namespace, they are as late as the machine makes
// them, and some experiments take more attempts.
func RaisePriority() {
	const most = -20
	// Niceness belongs to a thread on Linux; later ones inherit it.
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, most)
		}
	}
}
