package kernelcalls

import (
	"syscall"
	"unsafe"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/helper"

	"golang.org/x/sys/unix"
)

func listen(r *helper.Request) (*helper.Response, error) {
	return returned(0, unix.Listen(r.FD, r.Backlog))
}

func shutdown(r *helper.Request) (*helper.Response, error) {
	return returned(0, unix.Shutdown(r.FD, r.How))
}

// Bounds of what is read by one call, and of what is shown of it, in bytes.
const (
	mostRead  = 64 << 20
	mostShown = 64 << 10
)

func read(r *helper.Request) (*helper.Response, error) {
	if r.Count < 0 || r.Count > mostRead {
		return nil, unix.EINVAL
	}
	b := make([]byte, r.Count)
	var n int
	err := again(func() (err error) {
		if r.Flags == 0 {
			n, err = unix.Read(r.FD, b)
			return err
		}
		n, _, err = unix.Recvfrom(r.FD, b, r.Flags)
		return err
	})
	res, err := returned(n, err)
	if err == nil && n <= mostShown {
		res.Data = b[:max(n, 0)]
	}
	return res, err
}

// write is send or sendto: without flags and address, those are what write is.
func write(r *helper.Request) (*helper.Response, error) {
	if r.Count > mostRead {
		return nil, unix.EMSGSIZE
	}
	data, to := helper.Written(&r.Call), raw(r.Addr)
	var at, toAt unsafe.Pointer
	if len(data) > 0 {
		at = unsafe.Pointer(&data[0])
	}
	if len(to) > 0 {
		toAt = unsafe.Pointer(&to[0])
	}
	var n uintptr
	err := again(func() error {
		var errno syscall.Errno
		n, _, errno = unix.Syscall6(unix.SYS_SENDTO, uintptr(r.FD), uintptr(at), uintptr(len(data)), uintptr(r.Flags), uintptr(toAt), uintptr(len(to)))
		if errno != 0 {
			return errno
		}
		return nil
	})
	return returned(int(n), err)
}

func fcntl(r *helper.Request) (*helper.Response, error) {
	return returned(unix.FcntlInt(uintptr(r.FD), r.Command, int(r.Argument)))
}

func ioctl(r *helper.Request) (*helper.Response, error) {
	n, err := unix.IoctlGetInt(r.FD, uint(r.Command))
	res, err := returned(0, err)
	if err == nil {
		res.Value = packetdrill.Int(int64(n))
	}
	return res, err
}
