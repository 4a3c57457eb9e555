package capture

import (
	"errors"
	"io"

	"golang.org/x/sys/cpu"
)

const (
	streamBuffer = 64 << 10  // of what writes, and of compressed input, bytes
	windowBuffer = 256 << 10 // of what reads: a system call for thousands of packets
)

// window is a view of a stream that moves forward. A record is looked at where
// it was read, without a copy of its own.
type window struct {
	_    cpu.CacheLinePad // windows of readers side by side share no line of a processor's cache
	src  io.Reader
	buf  []byte
	rest []byte // of buf: what has been read and not passed
	read int64  // bytes read from the stream
	err  error  // of src, for good
	_    cpu.CacheLinePad
}

func newWindow(src io.Reader) *window {
	return &window{src: src, buf: make([]byte, windowBuffer)}
}

// offset is the place in the stream of the next byte.
func (w *window) offset() int64 { return w.read - int64(len(w.rest)) }

// peek returns the next n bytes without passing them. They are valid until the
// next peek or discard. Where the stream ends before, it returns what is there
// and the error.
func (w *window) peek(n int) ([]byte, error) {
	if len(w.rest) >= n {
		return w.rest[:n], nil
	}
	return w.fill(n)
}

// pass moves on by n bytes, which were peeked at.
func (w *window) pass(n int) { w.rest = w.rest[n:] }

// fill reads until n bytes are there, and no longer: a pipe that holds a whole
// record is not asked for the next.
func (w *window) fill(n int) ([]byte, error) {
	if n > len(w.buf) {
		w.buf = make([]byte, max(n, 2*len(w.buf)))
	}
	w.rest = w.buf[:copy(w.buf, w.rest)]
	for empty := 0; len(w.rest) < n; {
		if w.err != nil {
			return w.rest, w.err
		}
		got, err := w.src.Read(w.buf[len(w.rest):])
		w.rest = w.buf[:len(w.rest)+got]
		w.read += int64(got)
		w.err = err
		if got > 0 {
			empty = 0
		} else if empty++; empty == 100 && err == nil {
			w.err = io.ErrNoProgress
		}
	}
	return w.rest[:n], nil
}

// discard passes n bytes however many they are.
func (w *window) discard(n int) error {
	for n > 0 {
		b, err := w.peek(min(n, windowBuffer))
		w.pass(len(b))
		n -= len(b)
		if err != nil {
			return err
		}
	}
	return nil
}

// ended names the end of the stream after part of something: the end of the
// file where nothing of it was there.
func ended(err error, there int) error {
	if there > 0 {
		return unexpected(err)
	}
	return err
}

// unexpected turns the end of the file into the end of the file in the middle
// of something.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
