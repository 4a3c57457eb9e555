package capture

import (
	"math/bits"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiver is one recvmsg call with its buffers, made once: unix.Recvmsg would
// allocate an address for every packet. The kernel writes into the fields that
// the message header points to, so a receiver must not be copied after init.
type receiver struct {
	msg     unix.Msghdr
	iov     unix.Iovec
	from    unix.RawSockaddrLinklayer
	control [256]byte
	buf     []byte
}

func (r *receiver) init(snap int) {
	r.buf = make([]byte, snap)
	r.iov.Base = &r.buf[0]
	r.iov.SetLen(snap)
	r.msg.Iov = &r.iov
	r.msg.SetIovlen(1)
	r.msg.Name = (*byte)(unsafe.Pointer(&r.from))
	r.msg.Control = &r.control[0]
}

// recv takes one packet from the socket's queue without waiting. n is the
// packet's length on the interface, which may exceed the buffer.
func (r *receiver) recv(fd uintptr) (n int, err error) {
	for {
		r.msg.Namelen = unix.SizeofSockaddrLinklayer
		r.msg.SetControllen(len(r.control))
		// MSG_TRUNC makes the kernel return the real length of a packet
		// that the buffer cut.
		got, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&r.msg)), unix.MSG_TRUNC|unix.MSG_DONTWAIT)
		switch errno {
		case 0:
			return int(got), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// etherType is the protocol of the packet received last.
func (r *receiver) etherType() uint16 { return networkOrder(r.from.Protocol) }

func (r *receiver) outgoing() bool { return r.from.Pkttype == unix.PACKET_OUTGOING }

// stamp is the kernel's time of the packet received last. ok is false when the
// kernel had not stamped it.
func (r *receiver) stamp() (t time.Time, ok bool) {
	rest := r.control[:r.msg.Controllen]
	for len(rest) >= unix.SizeofCmsghdr {
		head, data, next, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			return time.Time{}, false
		}
		if head.Level == unix.SOL_SOCKET && head.Type == unix.SO_TIMESTAMPING {
			var ts unix.ScmTimestamping
			raw := unsafe.Slice((*byte)(unsafe.Pointer(&ts)), unsafe.Sizeof(ts))
			if copy(raw, data) < len(raw) || ts.Ts[0] == (unix.Timespec{}) {
				return time.Time{}, false
			}
			return time.Unix(ts.Ts[0].Unix()).UTC(), true
		}
		rest = next
	}
	return time.Time{}, false
}

// networkOrder converts a 16-bit number between the machine's byte order and
// the network's, either way.
func networkOrder(n uint16) uint16 {
	if one := uint16(1); *(*byte)(unsafe.Pointer(&one)) == 1 {
		return bits.ReverseBytes16(n)
	}
	return n
}
