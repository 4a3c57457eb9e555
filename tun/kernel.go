package tun

import (
	"fmt"
	"sync"
	"syscall"

	"lastack/tun/vnet"

	"golang.org/x/sys/unix"
)

// KernelDevice is the Device that Open returns: a TUN interface of the kernel.
//
// The runtime's poller serves its descriptor, so a waiting Read holds no
// thread. A packet that is there is read, and one is written, by a bare system
// call, without an allocation; writers do not wait for each other.
//
// If somebody lowers or raises the interface's MTU while it is open, MTU does
// not follow. While the interface is down, Write fails with EIO and Read waits.
// If the interface is deleted, a waiting Read fails.
type KernelDevice struct {
	file *rawFile
	name string
	mtu  int
	link *link // the borrowed interface; nil if the kernel ends it with the descriptor

	offload bool
	header  [vnet.Len]byte // of the one read there is at a time

	closing  sync.Once
	closeErr error
}

var _ OffloadDevice = (*KernelDevice)(nil)

// Read implements Device.
func (d *KernelDevice) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, &Error{Op: "read", Name: d.name, Err: fmt.Errorf("empty buffer: %w", syscall.EINVAL)}
	}
	if d.offload {
		return d.readFinished(p)
	}
	n, err := d.file.Read(p)
	if err != nil {
		return 0, ioError("read", d.name, err)
	}
	return n, nil
}

// Write implements Device.
func (d *KernelDevice) Write(p []byte) (int, error) {
	if len(p) == 0 || len(p) > d.mtu {
		return 0, sizeError(d.name, len(p), d.mtu)
	}
	if d.offload {
		return d.writePieces(&vnet.Header{}, [][]byte{p}, len(p))
	}
	if _, err := d.file.Write(p); err != nil {
		return 0, ioError("write", d.name, err)
	}
	return len(p), nil
}

// MTU implements Device.
func (d *KernelDevice) MTU() int { return d.mtu }

// Name implements Device.
func (d *KernelDevice) Name() string { return d.name }

// Persistent reports whether the interface was there before Open and stays
// after Close. Close then needs CAP_NET_ADMIN if Open changed the interface's
// MTU, addresses or state, so the caller must not drop the capability. Without
// it Close still closes, leaves those settings behind and says so. An interface
// that Open made ends with its descriptor and needs no privilege at Close.
func (d *KernelDevice) Persistent() bool { return d.link != nil }

// Close implements Device. An interface that Open made is gone when Close
// returns. A borrowed one has its former MTU, state and addresses again, unless
// the error says otherwise; the descriptor is closed in any case.
func (d *KernelDevice) Close() error {
	d.closing.Do(func() {
		if d.offload && d.link != nil {
			// The next program on the interface would get large segments.
			_ = control(d.file.file, func(fd int) error { return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, 0) })
		}
		// The descriptor goes first, so that Read and Write end at once.
		if err := d.file.Close(); err != nil {
			d.closeErr = &Error{Op: "close", Name: d.name, Err: bare(err)}
		}
		if d.link != nil {
			if err := d.link.giveBack(); d.closeErr == nil {
				d.closeErr = err
			}
		}
	})
	return d.closeErr
}
