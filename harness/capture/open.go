package capture

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// StandardInput is the path under which Open reads standard input.
const StandardInput = "-"

// ErrStopped: reading was stopped before the file's header was there. Once a
// file is open, being stopped is no error.
var ErrStopped = errors.New("stopped before the capture began")

// ErrReplaced: a file that was followed is not the one that was opened any more, or
// became shorter. Its earlier packets have been delivered.
var ErrReplaced = errors.New("the file was replaced")

// OpenConfig says how to read a file. The zero value reads what is there.
type OpenConfig struct {
	// Follow waits at the end of a file for more, as tail -f does, until Stop
	// is closed. A pipe is always read until its writer closes it.
	Follow bool
	// Stop, when closed, ends reading: Next returns io.EOF after the packets
	// already read, though a record may be half there. A context's Done is
	// what to use. nil means never.
	Stop <-chan struct{}
	// Poll is how long to wait before looking at a followed file, and at Stop,
	// again; 0 means 100 ms.
	Poll time.Duration
}

// File is a capture file that is open for reading. Its methods are those of
// Reader, and Close.
type File struct {
	*Reader
	in *input
}

// Open opens a capture file, or standard input for the path "-". Compression
// (gzip, zstd, lz4, xz) is recognised in both by what it looks like. On a pipe, and on a followed
// file, it waits for the file header.
func Open(path string, c OpenConfig) (*File, error) {
	in, err := openInput(path, c)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	r := &Reader{name: in.name, input: in}
	if err := r.open(in); err != nil {
		in.close()
		if in.stopped {
			err = ErrStopped
		}
		return nil, fmt.Errorf("capture: open %s: %w", in.name, err)
	}
	return &File{Reader: r, in: in}, nil
}

// Close closes the file; standard input stays open.
func (f *File) Close() error {
	if err := f.in.close(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

func openInput(path string, c OpenConfig) (*input, error) {
	in := &input{OpenConfig: c, name: path, path: path}
	if in.Poll == 0 {
		in.Poll = 100 * time.Millisecond
	}
	if path == StandardInput {
		in.file, in.name, in.path = os.Stdin, "standard input", ""
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		in.file = f
	}
	info, err := in.file.Stat()
	if err != nil {
		in.close()
		return nil, err
	}
	if info.IsDir() {
		in.close()
		return nil, fmt.Errorf("open %s: it is a directory; name a capture file in it", in.name)
	}
	in.regular = info.Mode().IsRegular()
	return in, nil
}

func (in *input) close() error {
	if in.path == "" {
		return nil
	}
	return in.file.Close()
}
