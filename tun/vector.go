package tun

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// ReadSplit reads what precedes a packet into header, all of it, and the packet
// into p. It returns the packet's length.
func (f *rawFile) ReadSplit(header, p []byte) (int, error) {
	f.header = header
	n, err := f.Read(p)
	f.header = nil
	if err == nil && n < len(header) {
		return 0, fmt.Errorf("%d bytes in place of a header of %d: %w", n, len(header), io.ErrUnexpectedEOF)
	}
	return n - len(header), err
}

// WritePieces writes header, if there is one, and the pieces as one packet.
func (f *rawFile) WritePieces(header []byte, pieces [][]byte) error {
	err := error(syscall.EAGAIN)
	if len(pieces) <= maxVector {
		_, err = f.tryWritePieces(header, pieces)
	}
	if err == syscall.EAGAIN || err == syscall.EINTR {
		// Rare: put it together, and wait for room if there is none.
		all := append([]byte(nil), header...)
		for _, p := range pieces {
			all = append(all, p...)
		}
		_, err = f.file.Write(all)
	}
	return err
}

func (f *rawFile) tryWritePieces(header []byte, pieces [][]byte) (int, error) {
	f.gate.RLock()
	defer f.gate.RUnlock()
	if f.closed {
		return 0, os.ErrClosed
	}
	n, errno := callVector(syscall.SYS_WRITEV, f.fd, header, pieces)
	if errno != 0 {
		return 0, errno
	}
	return n, nil
}

// maxVector is how many pieces a packet may be written in.
const maxVector = 16

// callVector is readv(2) or writev(2) of header, unless that is empty, and the
// pieces, at most maxVector, of which the empty ones are left out.
func callVector(trap, fd uintptr, header []byte, pieces [][]byte) (int, syscall.Errno) {
	// Filled in right here, element by element: in any other way the compiler
	// would have header and pieces escape to the heap.
	var vector [maxVector + 1]syscall.Iovec
	n := 0
	if len(header) > 0 {
		vector[0].Base = unsafe.SliceData(header)
		vector[0].SetLen(len(header))
		n++
	}
	for _, p := range pieces {
		if len(p) > 0 {
			vector[n].Base = unsafe.SliceData(p)
			vector[n].SetLen(len(p))
			n++
		}
	}
	done, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(&vector)), uintptr(n))
	if errno != 0 {
		return 0, errno
	}
	return int(done), 0
}
