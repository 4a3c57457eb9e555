package reasons

import (
	"errors"
	"fmt"
	"io"
	"os"

	"lastack/harness/capture/tracepoint"

	"golang.org/x/sys/unix"
)

// tracefs is the folder of that file system.
type tracefs struct{ fd int }

// mountPoints are where systems mount it.
var mountPoints = []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}

// openTracefs opens the one that is mounted at one of the paths, or else mounts one that is in
// no namespace and ends with the descriptor (Linux 5.2).
func openTracefs(paths []string) (*tracefs, error) {
	for _, path := range paths {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var fs unix.Statfs_t
		if unix.Fstatfs(fd, &fs) == nil && fs.Type == unix.TRACEFS_MAGIC {
			return &tracefs{fd}, nil
		}
		_ = unix.Close(fd) // an empty folder
	}
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("mount tracefs: fsopen: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("mount tracefs: fsconfig: %w", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC|unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("mount tracefs: fsmount: %w", err)
	}
	return &tracefs{fd}, nil
}

// format reads the layout of a tracepoint's records.
func (t *tracefs) format(p *tracepoint.Tracepoint) (*tracepoint.Format, error) {
	path := "events/" + p.Group + "/" + p.Name + "/format"
	fd, err := unix.Openat(t.fd, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("tracepoint %s:%s: this kernel has none", p.Group, p.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("tracefs: open %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, tracepoint.MaxFormat+1))
	if err != nil {
		return nil, fmt.Errorf("tracefs: %w", err)
	}
	return tracepoint.ParseFormat(string(text))
}

func (t *tracefs) close() { _ = unix.Close(t.fd) } // nothing was written
