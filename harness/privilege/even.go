package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// tasks has a directory for each thread of this process.
const tasks = "/proc/self/task"

// even compares the capability sets of all threads. The runtime ends the program
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
			return fmt.Errorf("read a thread's capabilities: %w", err)
		}
		caps := lines(string(status), "Cap")
		if first == "" {
			first = caps
		}
		if caps != first {
			return fmt.Errorf("%w: thread %s has %s, another %s", ErrUneven, thread.Name(), caps, first)
		}
	}
	return nil
}

// lines joins the lines of a status file whose key begins with prefix.
func lines(status, prefix string) string {
	var found []string
	for line := range strings.Lines(status) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, strings.Join(strings.Fields(line), ""))
		}
	}
	return strings.Join(found, " ")
}
