package tun

import (
	"fmt"
	"syscall"

	"lastack/tun/vnet"
)

// Offload implements OffloadDevice.
func (d *KernelDevice) Offload() bool { return d.offload }

// ReadOffload implements OffloadDevice.
func (d *KernelDevice) ReadOffload(h *vnet.Header, p []byte) (int, error) {
	if !d.offload {
		*h = vnet.Header{}
		return d.Read(p)
	}
	if len(p) == 0 {
		return 0, &Error{Op: "read", Name: d.name, Err: fmt.Errorf("empty buffer: %w", syscall.EINVAL)}
	}
	n, err := d.file.ReadSplit(d.header[:], p)
	if err != nil {
		return 0, ioError("read", d.name, err)
	}
	h.Decode(&d.header)
	return n, nil
}

// readFinished reads a packet as from a wire, however long.
func (d *KernelDevice) readFinished(p []byte) (int, error) {
	var h vnet.Header
	n, err := d.ReadOffload(&h, p)
	if err == nil {
		h.Complete(p[:n])
	}
	return n, err
}

// WriteOffload implements OffloadDevice.
func (d *KernelDevice) WriteOffload(h *vnet.Header, pieces [][]byte) (int, error) {
	length := 0
	for _, p := range pieces {
		length += len(p)
	}
	most := MaxMTU
	if !d.offload {
		most = d.mtu
	}
	if length == 0 || length > most {
		return 0, sizeError(d.name, length, most)
	}
	return d.writePieces(h, pieces, length)
}

// writePieces sends a packet of that length, which is within bounds.
func (d *KernelDevice) writePieces(h *vnet.Header, pieces [][]byte, length int) (int, error) {
	var header []byte
	if d.offload {
		var b [vnet.Len]byte
		h.Encode(&b)
		header = b[:]
	} else if *h != (vnet.Header{}) {
		return 0, &Error{Op: "write", Name: d.name,
			Err:  fmt.Errorf("the packet is unfinished and the device has no offload: %w", syscall.EINVAL),
			Hint: "open it with Config.Offload"}
	}
	if err := d.file.WritePieces(header, pieces); err != nil {
		return 0, ioError("write", d.name, err)
	}
	return length, nil
}
