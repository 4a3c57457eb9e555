package inprocess

import (
	"lastack/harness/experiment/packetdrill"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// failed is the result of a call that failed.
func failed(errno string) *packetdrill.Result {
	return &packetdrill.Result{Return: -1, Errno: errno}
}

func returned(n int) *packetdrill.Result { return &packetdrill.Result{Return: int64(n)} }

// outcome is 0, or the error.
func outcome(err tcpip.Error) *packetdrill.Result {
	if err == nil {
		return returned(0)
	}
	return failed(errno(err))
}

// errno is the name of the error that the kernel's sockets would give; "" for none.
func errno(err tcpip.Error) string {
	switch err.(type) {
	case nil:
		return ""
	case *tcpip.ErrAborted, *tcpip.ErrClosedForSend:
		return "EPIPE"
	case *tcpip.ErrAddressFamilyNotSupported:
		return "EAFNOSUPPORT"
	case *tcpip.ErrAlreadyBound, *tcpip.ErrInvalidEndpointState, *tcpip.ErrInvalidOptionValue:
		return "EINVAL"
	case *tcpip.ErrAlreadyConnected:
		return "EISCONN"
	case *tcpip.ErrAlreadyConnecting:
		return "EALREADY"
	case *tcpip.ErrBadAddress:
		return "EFAULT"
	case *tcpip.ErrBadLocalAddress, *tcpip.ErrNoPortAvailable:
		return "EADDRNOTAVAIL"
	case *tcpip.ErrConnectStarted:
		return "EINPROGRESS"
	case *tcpip.ErrConnectionAborted:
		return "ECONNABORTED"
	case *tcpip.ErrConnectionRefused:
		return "ECONNREFUSED"
	case *tcpip.ErrConnectionReset:
		return "ECONNRESET"
	case *tcpip.ErrDestinationRequired:
		return "EDESTADDRREQ"
	case *tcpip.ErrMessageTooLong:
		return "EMSGSIZE"
	default:
		return errnoRare(err)
	}
}

func errnoRare(err tcpip.Error) string {
	switch err.(type) {
	case *tcpip.ErrNetworkUnreachable:
		return "ENETUNREACH"
	case *tcpip.ErrNoBufferSpace:
		return "ENOBUFS"
	case *tcpip.ErrHostUnreachable:
		return "EHOSTUNREACH"
	case *tcpip.ErrHostDown:
		return "EHOSTDOWN"
	case *tcpip.ErrNoNet:
		return "ENONET"
	case *tcpip.ErrNotConnected:
		return "ENOTCONN"
	case *tcpip.ErrNotPermitted:
		return "EPERM"
	case *tcpip.ErrNotSupported:
		return "EOPNOTSUPP"
	case *tcpip.ErrPortInUse:
		return "EADDRINUSE"
	case *tcpip.ErrTimeout:
		return "ETIMEDOUT"
	case *tcpip.ErrUnknownProtocolOption:
		return "ENOPROTOOPT"
	case *tcpip.ErrNoSuchFile:
		return "ENOENT"
	case *tcpip.ErrWouldBlock:
		return "EAGAIN"
	}
	return "EIO"
}

// numbers are Linux's of the errors that SO_ERROR can have.
var numbers = map[string]int64{
	"": 0, "EPERM": 1, "ENOENT": 2, "EIO": 5, "EAGAIN": 11, "EFAULT": 14, "EINVAL": 22, "EPIPE": 32,
	"ENONET": 64, "EDESTADDRREQ": 89, "EMSGSIZE": 90, "ENOPROTOOPT": 92, "EOPNOTSUPP": 95,
	"EAFNOSUPPORT": 97, "EADDRINUSE": 98, "EADDRNOTAVAIL": 99, "ENETUNREACH": 101,
	"ECONNABORTED": 103, "ECONNRESET": 104, "ENOBUFS": 105, "EISCONN": 106, "ENOTCONN": 107,
	"ETIMEDOUT": 110, "ECONNREFUSED": 111, "EHOSTDOWN": 112, "EHOSTUNREACH": 113, "EALREADY": 114,
	"EINPROGRESS": 115,
}
