package kernelcalls

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/helper"

	"golang.org/x/sys/unix"
)

// raw is a socket address as the kernel has it. The family is the script's, whatever the
// address is: to pass AF_UNSPEC means something.
func raw(a *packetdrill.Addr) []byte {
	if a == nil {
		return nil
	}
	b := binary.NativeEndian.AppendUint16(nil, uint16(a.Family))
	b = binary.BigEndian.AppendUint16(b, a.Port)
	if a.IP.Is4() {
		b = append(b, a.IP.AsSlice()...)
		return append(b, make([]byte, 8)...)
	}
	b = append(b, 0, 0, 0, 0) // the flow label
	b = append(b, a.IP.AsSlice()...)
	return append(b, 0, 0, 0, 0) // the scope
}

// address is what the kernel says.
func address(from unix.Sockaddr) *packetdrill.Addr {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		return &packetdrill.Addr{Family: unix.AF_INET, IP: netip.AddrFrom4(a.Addr), Port: uint16(a.Port)}
	case *unix.SockaddrInet6:
		return &packetdrill.Addr{Family: unix.AF_INET6, IP: netip.AddrFrom16(a.Addr), Port: uint16(a.Port)}
	}
	return nil
}

// direct makes a system call that takes a socket address. unix's own take a typed one,
// which cannot have every family.
func direct(trap uintptr, fd int, a *packetdrill.Addr) error {
	b := raw(a)
	if b == nil {
		return unix.EFAULT
	}
	_, _, errno := unix.Syscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return errno
	}
	return nil
}

func bind(r *helper.Request) (*helper.Response, error) {
	return returned(0, direct(unix.SYS_BIND, r.FD, r.Addr))
}

// connect is not made anew after a signal: it goes on in the kernel.
func connect(r *helper.Request) (*helper.Response, error) {
	return returned(0, direct(unix.SYS_CONNECT, r.FD, r.Addr))
}
