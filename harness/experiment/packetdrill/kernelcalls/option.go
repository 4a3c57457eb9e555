package kernelcalls

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/helper"

	"golang.org/x/sys/unix"
)

// mostOption is the longest value of an option that is read, in bytes.
const mostOption = 1 << 10

func setOption(r *helper.Request) (*helper.Response, error) {
	var b []byte
	switch v := r.Value; {
	case v == nil:
		return nil, unix.EFAULT
	case v.Linger != nil:
		b = binary.NativeEndian.AppendUint32(nil, uint32(v.Linger.On))
		b = binary.NativeEndian.AppendUint32(b, uint32(v.Linger.Seconds))
	case v.Int != nil:
		b = binary.NativeEndian.AppendUint32(nil, uint32(*v.Int))
	default:
		b = v.Bytes
	}
	var at unsafe.Pointer
	if len(b) > 0 {
		at = unsafe.Pointer(&b[0])
	}
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(r.FD), uintptr(r.Level), uintptr(r.Option), uintptr(at), uintptr(len(b)), 0)
	if errno != 0 {
		return nil, errno
	}
	return returned(0, nil)
}

func getOption(r *helper.Request) (*helper.Response, error) {
	b := make([]byte, mostOption)
	n := uint32(len(b))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(r.FD), uintptr(r.Level), uintptr(r.Option), uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return nil, errno
	}
	res, err := returned(0, nil)
	res.Value = value(r, b[:min(n, mostOption)])
	return res, err
}

// value is an option's, in the field that fits it.
func value(r *helper.Request, b []byte) *packetdrill.OptValue {
	ne := binary.NativeEndian
	switch {
	case r.Level == unix.SOL_TCP && r.Option == unix.TCP_INFO:
		return &packetdrill.OptValue{Info: info(b)}
	case r.Level == unix.SOL_SOCKET && r.Option == unix.SO_LINGER && len(b) == 8:
		return &packetdrill.OptValue{Linger: &packetdrill.Linger{On: int(int32(ne.Uint32(b))), Seconds: int(int32(ne.Uint32(b[4:])))}}
	case r.Level == unix.SOL_TCP && (r.Option == unix.TCP_CONGESTION || r.Option == unix.TCP_ULP):
		b, _, _ = bytes.Cut(b, []byte{0})
		return &packetdrill.OptValue{Bytes: b}
	case len(b) == 4:
		n := int64(int32(ne.Uint32(b)))
		return &packetdrill.OptValue{Int: &n, Bytes: b}
	case len(b) == 1:
		n := int64(b[0])
		return &packetdrill.OptValue{Int: &n, Bytes: b}
	}
	return &packetdrill.OptValue{Bytes: b}
}
