package lab

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ethtoolValue is the kernel's struct ethtool_value.
type ethtoolValue struct{ cmd, data uint32 }

// ifreqData is struct ifreq with the ifr_data member, at its full size.
type ifreqData struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// disableOffload makes an interface of the current namespace carry real
// segments: nothing is merged, left to be cut, or left without its checksum.
func disableOffload(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("lab: a socket to set offloads of %s: %w", name, err)
	}
	defer unix.Close(fd)
	// Checksums first: segmentation offload depends on them.
	for _, cmd := range []uint32{unix.ETHTOOL_STXCSUM, unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_SGRO} {
		value := &ethtoolValue{cmd: cmd}
		req := &ifreqData{data: unsafe.Pointer(value)}
		copy(req.name[:unix.IFNAMSIZ-1], name)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(req)))
		runtime.KeepAlive(value)
		if errno != 0 {
			return fmt.Errorf("lab: turning off offload %#x of %s: %w", cmd, name, errno)
		}
	}
	return nil
}
