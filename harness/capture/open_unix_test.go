//go:build unix

package capture

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A pipe on which nothing comes does not keep the reader from stopping, neither
// before nor in the middle of a record.
func TestStopOnAPipe(t *testing.T) {
	file, first := twoPackets(t)
	for name, tt := range map[string]struct {
		written []byte
		packets int
	}{"nothing": {nil, 0}, "half a header": {file[:10], 0}, "half a record": {file[:first+20], 1}} {
		path := filepath.Join(t.TempDir(), "fifo")
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if _, err := w.Write(tt.written); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		config := OpenConfig{Stop: stop, Poll: time.Millisecond}
		if tt.packets == 0 {
			time.AfterFunc(5*time.Millisecond, func() { close(stop) })
			if _, err := Open(path, config); !errors.Is(err, ErrStopped) {
				t.Errorf("%s: %v, want ErrStopped", name, err)
			}
			continue
		}
		f := mustOpen(t, path, config)
		if _, err := f.Next(); err != nil {
			t.Fatal(err)
		}
		close(stop)
		if _, err := f.Next(); err != io.EOF {
			t.Errorf("%s: %v, want io.EOF", name, err)
		}
	}
}
