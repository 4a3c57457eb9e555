package stack

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// errno is the error of the kernel's sockets in the same case. Only here do netstack's
// errors, which are no Go errors, become Go errors.
func errno(err tcpip.Error) error {
	switch err.(type) {
	case *tcpip.ErrClosedForReceive:
		return io.EOF
	case *tcpip.ErrClosedForSend:
		return syscall.EPIPE
	case *tcpip.ErrConnectionRefused:
		return syscall.ECONNREFUSED
	case *tcpip.ErrConnectionReset:
		return syscall.ECONNRESET
	case *tcpip.ErrAborted:
		return syscall.EPIPE // a RST in CLOSE_WAIT, as in Linux
	case *tcpip.ErrConnectionAborted:
		return syscall.ECONNABORTED
	case *tcpip.ErrTimeout:
		return syscall.ETIMEDOUT
	case *tcpip.ErrNotConnected:
		return syscall.ENOTCONN
	case *tcpip.ErrPortInUse:
		return syscall.EADDRINUSE
	case *tcpip.ErrBadLocalAddress, *tcpip.ErrNoPortAvailable:
		return syscall.EADDRNOTAVAIL
	case *tcpip.ErrHostUnreachable:
		return syscall.EHOSTUNREACH
	case *tcpip.ErrNetworkUnreachable:
		return syscall.ENETUNREACH
	case *tcpip.ErrNoBufferSpace:
		return syscall.ENOBUFS
	case *tcpip.ErrMessageTooLong:
		return syscall.EMSGSIZE
	case *tcpip.ErrWouldBlock:
		return syscall.EAGAIN
	case *tcpip.ErrNotPermitted, *tcpip.ErrBroadcastDisabled:
		return syscall.EPERM
	case *tcpip.ErrNotSupported, *tcpip.ErrUnknownProtocol:
		return syscall.EOPNOTSUPP
	case *tcpip.ErrInvalidEndpointState, *tcpip.ErrInvalidOptionValue:
		return syscall.EINVAL
	}
	return errors.New(err.String())
}

// opError wraps an error as package net does, but without an *os.SyscallError around the
// errno: there was no system call.
func opError(op string, src, dst net.Addr, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: src, Addr: dst, Err: err}
}

// timeoutError is what a deadline that has passed gives: it is a net.Error, and
// errors.Is finds os.ErrDeadlineExceeded.
func timeoutError(op string, src, dst net.Addr) error {
	return opError(op, src, dst, os.ErrDeadlineExceeded)
}
