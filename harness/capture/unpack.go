package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
)

// maxWindow bounds what a stream may refer back to, which is what its memory goes to, in
// bytes: it holds what "xz -9", "zstd --ultra" and "zstd --long" use unless they are told
// another size. Formats allow for 4 GiB and more. gzip and lz4 refer back to less by
// design (RFC 1952; blocks of at most 8 MiB).
const maxWindow = 128 << 20

// ErrMemory: a compressed file asks for more memory to unpack it than it gets.
var ErrMemory = errors.New("it needs more memory to unpack than lastack takes")

// packers are the kinds of compression, recognised by how a file begins.
var packers = []struct {
	name  string
	magic []byte
	open  func(io.Reader) (io.Reader, error)
}{
	{"gzip", []byte{0x1f, 0x8b}, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, openZstd},
	{"lz4", []byte{0x04, 0x22, 0x4d, 0x18}, func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
	{"xz", []byte{0xfd, '7', 'z', 'X', 'Z', 0}, func(r io.Reader) (io.Reader, error) { return xz.NewReader(r, maxWindow) }},
}

// openZstd unpacks in the goroutine that reads: the decoder has none of its
// own that somebody would have to end.
func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
}

// unpacker reads what a compressed stream holds, and tells damage to the
// stream from failures of the file below it.
type unpacker struct {
	name string
	src  *faults
	out  io.Reader
}

// openUnpacker returns nil if the stream is not compressed.
func openUnpacker(buf *bufio.Reader) (*unpacker, error) {
	for _, p := range packers {
		if magic, err := buf.Peek(len(p.magic)); err != nil || !bytes.Equal(magic, p.magic) {
			continue
		}
		u := &unpacker{name: p.name, src: &faults{Reader: buf}}
		var err error
		if u.out, err = p.open(u.src); err != nil {
			return nil, fmt.Errorf("unpack with %s: %w", p.name, explain(u.cause(unexpected(err))))
		}
		return u, nil
	}
	return nil, nil
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.out.Read(p)
	if err != nil && err != io.EOF {
		err = u.cause(err)
	}
	return n, err
}

// cause says what an error of unpacking means. The libraries have errors of
// many kinds for damage, and some hide the error of the file.
func (u *unpacker) cause(err error) error {
	switch {
	case u.src.err != nil:
		return u.src.err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, xz.ErrBuf): // which is more input wanted than there is
		return io.ErrUnexpectedEOF
	case errors.Is(err, xz.ErrMemlimit):
		return u.tooLarge("xz -dc")
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return u.tooLarge("zstd -dc --long=31")
	}
	return fmt.Errorf("%w: %s: %w", ErrMalformed, u.name, err)
}

// tooLarge says with which command a file can be read all the same.
func (u *unpacker) tooLarge(command string) error {
	return fmt.Errorf("%w: %s that refers back over more than %d MiB; unpack it first: %s FILE | lastack explain -", ErrMemory, u.name, maxWindow>>20, command)
}

// faults remembers why a stream failed, if it did more than end. It reads
// single bytes too, so that gzip needs no buffer of its own.
type faults struct {
	*bufio.Reader
	err error
}

func (f *faults) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	return n, f.note(err)
}

func (f *faults) ReadByte() (byte, error) {
	b, err := f.Reader.ReadByte()
	return b, f.note(err)
}

// WriteTo would hide errors from f; no library needs it.
func (f *faults) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{f})
}

func (f *faults) note(err error) error {
	if err != nil && err != io.EOF {
		f.err = err
	}
	return err
}
