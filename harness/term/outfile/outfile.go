// Package outfile opens the files that commands write their results to: at the
// beginning, so that a mistake shows before the work and before privileges are given
// up, and without touching what is in them until there is something to write.
//
//	f, err := outfile.Open("out.pcapng") // what out.pcapng has in it stays there
//	...                                  // half an hour of work, or a start that fails
//	_, err = f.Write(header)             // now it is gone
//	err = f.Close()
//
// A file that is open is locked (flock(2), where there is that), so that no two processes
// write into one. It wraps os.File; it makes no directories and no temporary files, hence
// works where only the file itself may be written, and for devices and pipes.
package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrInUse says that another process, or this one, has the file open for writing.
var ErrInUse = errors.New("it is being written by another process; end that, or name another file")

// File is an output file. It is for one goroutine.
type File struct {
	f *os.File
	// made: the file was not there before. regular: it is a file on a disk, no device
	// or pipe. begun: something was written.
	made, regular, begun bool
	size                 int64 // written so far
}

// Open opens the file, makes it if it is not there, and locks it. Its content stays until
// the first Write. The error wraps ErrInUse if the file is locked.
func Open(path string) (*File, error) {
	o := &File{}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		o.made = true
	} else if errors.Is(err, os.ErrExist) {
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	}
	if err != nil {
		return nil, err
	}
	o.f = f
	st, err := f.Stat()
	if err == nil {
		if o.regular = st.Mode().IsRegular(); o.regular {
			err = lock(f)
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return o, nil
}

// Name is the path that was given to Open.
func (o *File) Name() string { return o.f.Name() }

// Write appends to what was written. The first one empties the file before.
func (o *File) Write(b []byte) (int, error) {
	if err := o.begin(); err != nil {
		return 0, err
	}
	n, err := o.f.Write(b)
	o.size += int64(n)
	return n, err
}

func (o *File) begin() error {
	if o.begun {
		return nil
	}
	o.begun = true
	if !o.regular {
		return nil
	}
	return o.f.Truncate(0)
}

// Size is how many bytes were written.
func (o *File) Size() int64 { return o.size }

// CutTo takes away what was written beyond size, of a record that could not be written
// whole for example. It does nothing to a device or pipe.
func (o *File) CutTo(size int64) error {
	if !o.regular || size >= o.size {
		return nil
	}
	if err := o.f.Truncate(size); err != nil {
		return err
	}
	_, err := o.f.Seek(size, io.SeekStart)
	o.size = size
	return err
}

// Close closes the file, and with it ends the lock. A file that Open made and that
// nothing was written to is removed, if that is still allowed. A second Close returns
// os.ErrClosed.
func (o *File) Close() error {
	if o.made && !o.begun {
		_ = os.Remove(o.f.Name()) // an empty file at worst
	}
	return o.f.Close()
}

// Write opens a file, lets render write its content, and closes it. The old content is
// gone only once render writes.
func Write(path string, render func(io.Writer) error) error {
	o, err := Open(path)
	if err != nil {
		return err
	}
	err = render(o)
	if err == nil {
		err = o.begin() // no content is content, too
	}
	return errors.Join(err, o.Close())
}
