package capture

import (
	"fmt"
	"io"
	"os"
)

// Again opens a file once more, to be read from its beginning by another goroutine at the
// same time. It returns nil where that is not possible, or costs more than it gains: for
// pipes, for files that are followed or compressed, and for those that are shorter than
// least bytes. The caller closes it.
func (f *File) Again(least int64) (*File, error) {
	if !f.in.regular || f.in.Follow || f.in.path == "" || f.unpacked {
		return nil, nil
	}
	info, err := f.in.file.Stat()
	if err != nil || info.Size() < least {
		return nil, err
	}
	again, err := Open(f.in.path, f.in.OpenConfig)
	if err != nil {
		return nil, err
	}
	if now, err := again.in.file.Stat(); err != nil || !os.SameFile(info, now) {
		return nil, again.Close()
	}
	return again, nil
}

// Rewind begins to read a file again from its beginning. What its methods said of what was
// read is forgotten. It is for files of which Again is not nil.
func (f *File) Rewind() error {
	if _, err := f.in.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("capture: read %s from its beginning: %w", f.in.name, err)
	}
	f.in.at = 0
	*f.Reader = Reader{name: f.in.name, input: f.in}
	if err := f.open(f.in); err != nil {
		return fmt.Errorf("capture: open %s: %w", f.in.name, err)
	}
	return nil
}
