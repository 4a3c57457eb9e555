package tuntest

import (
	"fmt"
	"os"
	"syscall"

	"lastack/tun"
	"lastack/tun/vnet"
)

// Offload implements tun.OffloadDevice.
func (e *End) Offload() bool { return e.offload }

// ReadOffload implements tun.OffloadDevice.
func (e *End) ReadOffload(h *vnet.Header, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, e.fail("read", fmt.Errorf("empty buffer: %w", syscall.EINVAL))
	}
	n, ok := e.in.get(h, p)
	if !ok {
		return 0, e.fail("read", os.ErrClosed)
	}
	return n, nil
}

// WriteOffload implements tun.OffloadDevice. It never waits.
func (e *End) WriteOffload(h *vnet.Header, pieces [][]byte) (int, error) {
	if !e.offload {
		return e.write(h, pieces, e.mtu)
	}
	return e.write(h, pieces, tun.MaxMTU)
}

// write sends a packet of at most that length.
func (e *End) write(h *vnet.Header, pieces [][]byte, most int) (int, error) {
	length := 0
	version := byte(0)
	for _, p := range pieces {
		if length == 0 && len(p) > 0 {
			version = p[0] >> 4
		}
		length += len(p)
	}
	switch {
	case length == 0:
		return 0, e.fail("write", fmt.Errorf("empty packet: %w", syscall.EINVAL))
	case length > most:
		return 0, e.fail("write", fmt.Errorf("packet of %d bytes is longer than the MTU %d: %w",
			length, most, syscall.EMSGSIZE))
	case e.closed.Load():
		return 0, e.fail("write", os.ErrClosed)
	case version != 4 && version != 6:
		return 0, e.fail("write", fmt.Errorf("IP version %d: %w", version, syscall.EINVAL))
	case !e.offload && *h != (vnet.Header{}):
		return 0, e.fail("write", fmt.Errorf("the packet is unfinished and the device has no offload: %w", syscall.EINVAL))
	}
	e.out.put(h, pieces)
	return length, nil
}
