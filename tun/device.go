package tun

import "lastack/tun/vnet"

// Device is one end of a layer 3 link that carries one IP packet a call.
//
// Errors of its methods are of type *[Error]. After Close, Read and Write match
// os.ErrClosed; any other error of Read or Write leaves the device usable unless
// the interface itself is gone.
//
// Package tuntest checks an implementation against what is said here.
type Device interface {
	// Read waits for the next packet, copies it to p and returns its length in bytes. It
	// takes exactly one packet a call. The caller sizes p: at least MTU bytes. The rest
	// of a longer packet is cut off and lost, without an error. An empty p is an error
	// that matches syscall.EINVAL and takes no packet.
	//
	// One goroutine may read at a time, beside any number of writers. The
	// device does not keep p.
	//
	// Close makes a waiting Read, and every later one, return an error that
	// matches os.ErrClosed, even if packets were queued.
	Read(p []byte) (int, error)

	// Write sends the one packet p, which begins with its IP header, and
	// returns len(p). There are no partial writes. It does not wait for the
	// packet to be taken: like any link, the far side may drop it silently
	// when it cannot keep up, or because it does not like what is in it.
	//
	// An empty p, and one whose first four bits are neither 4 nor 6, is an
	// error that matches syscall.EINVAL; one longer than MTU is an error that
	// matches syscall.EMSGSIZE. After Close the error of a valid packet matches
	// os.ErrClosed. Nothing was sent if there is an error.
	//
	// Any number of goroutines may write at once. The device neither changes
	// nor keeps p.
	Write(p []byte) (int, error)

	// MTU returns the largest packet in bytes, IP header included. It is
	// fixed while the device is open. Safe for concurrent use.
	MTU() int

	// Name returns the name of the interface. It is fixed while the device is
	// open, and remains after Close. Safe for concurrent use.
	Name() string

	// Close ends the device and returns when that is done. It is idempotent:
	// every call returns what the first one returned. Safe for concurrent use
	// with every method.
	Close() error
}

// OffloadDevice is a Device that can carry packets unfinished, with a header
// that says what is left to be done (package vnet): up to 64 KiB of TCP data at
// once, and checksums that nobody computes where both ends are on one machine.
//
// Read and Write keep to the contract of Device all the same: Read completes a
// checksum, and Write sends finished packets. A large segment comes out of Read
// as it is, beyond MTU, so that a program that expects any uses ReadOffload.
type OffloadDevice interface {
	Device

	// Offload reports whether the device was opened so. If not, every header
	// read is zero, and only a zero header may be written.
	Offload() bool

	// ReadOffload is Read of a packet with its header. The caller sizes p: of a
	// packet longer than that, and they come as long as MaxMTU, the rest is lost.
	ReadOffload(h *vnet.Header, p []byte) (int, error)

	// WriteOffload sends the packet that the pieces are together, up to MaxMTU
	// long, and returns its length. An empty packet is refused as by Write.
	WriteOffload(h *vnet.Header, pieces [][]byte) (int, error)
}
