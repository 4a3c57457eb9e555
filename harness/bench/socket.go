package bench

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is a kernel client's end of a connection. Its calls block in the kernel,
// and nothing of Go's runtime is between them: a client that costs as little as can
// be leaves more of the machine to what is measured.
type socket int

// blocking gives each of n goroutines that use sockets a processor of the runtime to
// block, so that none waits for the runtime to notice.
func blocking(n int) { runtime.GOMAXPROCS(max(n+2, runtime.GOMAXPROCS(0))) }

// callTimeout bounds every call, in seconds: who waits longer has failed.
const callTimeout = 60

// connect opens the n-th connection; which of the server's ports it goes to is by n.
func connect(n int) (socket, error) {
	return connectFrom(nil, firstPort+n%ports)
}

// connectFrom opens a connection to a port of the server's, from an address and port
// if one is given.
func connectFrom(from *unix.SockaddrInet4, port int) (socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	limit := unix.Timeval{Sec: callTimeout}
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
	)
	if err == nil && from != nil {
		err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.Bind(fd, from))
	}
	if err == nil {
		err = ignoringEINTR(func() error {
			return unix.Connect(fd, &unix.SockaddrInet4{Addr: serverAddr.As4(), Port: port})
		})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("connect: %w", err)
	}
	return socket(fd), nil
}

func (s socket) write(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(int(s), b)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("write: %w", err)
		}
		b = b[max(n, 0):]
	}
	return nil
}

// read returns io.EOF at the end.
func (s socket) read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), b)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, fmt.Errorf("read: %w", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (s socket) readFull(b []byte) error {
	for len(b) > 0 {
		n, err := s.read(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// readEOF fails if there is anything else.
func (s socket) readEOF() error {
	var b [1]byte
	switch _, err := s.read(b[:]); err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("read: data in place of EOF")
	default:
		return err
	}
}

func (s socket) closeWrite() error {
	if err := unix.Shutdown(int(s), unix.SHUT_WR); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	return nil
}

func (s socket) close() error { return unix.Close(int(s)) }

// ignoringEINTR repeats a connect that Go's own signals interrupted.
func ignoringEINTR(f func() error) error {
	for {
		switch err := f(); err {
		case syscall.EINTR, syscall.EALREADY:
		case syscall.EISCONN:
			return nil
		default:
			return err
		}
	}
}
