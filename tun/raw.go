package tun

import (
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// rawFile reads and writes a non-blocking descriptor by bare system calls. They
// skip what the runtime does around a call that may block: TUN never blocks such
// a descriptor, and a call takes a few microseconds. Only where the kernel has
// nothing to read, or no room, does the goroutine wait in the runtime's poller.
type rawFile struct {
	file *os.File
	conn syscall.RawConn
	fd   uintptr

	// gate keeps the descriptor's number from being closed, and given to
	// another file, while a write uses it: writers share it, close owns it.
	// Nobody waits for the poller behind it.
	gate   sync.RWMutex
	closed bool

	// The one read there is at a time, with room for what precedes the packet
	// or none, and try as a value: made for each read, it would be an allocation.
	try       func(fd uintptr) bool
	header, p []byte
	n         int
	errno     syscall.Errno
}

// newRawFile takes over a file that the poller serves, unless it fails.
func newRawFile(file *os.File) (*rawFile, error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	f := &rawFile{file: file, conn: conn}
	f.try = f.tryRead
	return f, conn.Control(func(fd uintptr) { f.fd = fd })
}

// Read waits for a packet. The poller is asked only if there was none.
func (f *rawFile) Read(p []byte) (int, error) {
	f.p = p
	err := f.conn.Read(f.try) // holds the descriptor against close
	f.p = nil
	switch {
	case err != nil && f.isClosed():
		return 0, os.ErrClosed // the poller's own error for it is not this one
	case err != nil:
		return 0, err
	case f.errno != 0:
		return 0, f.errno
	}
	return f.n, nil
}

// tryRead reports whether the read is over, in a packet or an error.
func (f *rawFile) tryRead(fd uintptr) bool {
	for {
		if f.header == nil {
			f.n, f.errno = call(syscall.SYS_READ, fd, f.p)
		} else {
			f.n, f.errno = callVector(syscall.SYS_READV, fd, f.header, [][]byte{f.p})
		}
		switch f.errno {
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			return true
		}
	}
}

// Write writes a packet at once, or waits in the poller for room.
func (f *rawFile) Write(p []byte) (int, error) {
	n, err := f.tryWrite(p)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return f.file.Write(p)
	}
	return n, err
}

func (f *rawFile) tryWrite(p []byte) (int, error) {
	f.gate.RLock()
	defer f.gate.RUnlock()
	if f.closed {
		return 0, os.ErrClosed
	}
	n, errno := call(syscall.SYS_WRITE, f.fd, p)
	if errno != 0 {
		return 0, errno
	}
	return n, nil
}

func (f *rawFile) isClosed() bool {
	f.gate.RLock()
	defer f.gate.RUnlock()
	return f.closed
}

// Close ends a waiting Read. The number is free when it returns, and no sooner
// than the last write that uses it has ended.
func (f *rawFile) Close() error {
	f.gate.Lock()
	f.closed = true
	f.gate.Unlock()
	return f.file.Close()
}

// call is read(2) or write(2) of p, which is not empty.
func call(trap, fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
