package app

import (
	"net"
	"syscall"
)

// msgMore is MSG_MORE (send(2)): more will follow, so a segment that is not full waits.
const msgMore = 0x8000

// writeMore writes all of p to a kernel socket, of which the kernel keeps the last segment
// until more follows, a FIN too. It reports false where c is no kernel socket.
func writeMore(c net.Conn, p []byte) (bool, error) {
	k, ok := c.(*net.TCPConn)
	if !ok {
		return false, nil
	}
	raw, err := k.SyscallConn()
	if err != nil {
		return true, err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for len(p) > 0 && failed == nil {
			n, err := syscall.SendmsgN(int(fd), p, nil, nil, msgMore|syscall.MSG_NOSIGNAL)
			switch err {
			case nil:
				p = p[n:]
			case syscall.EINTR:
			case syscall.EAGAIN:
				return false
			default:
				failed = err
			}
		}
		return true
	})
	if err != nil {
		return true, err
	}
	return true, failed
}
