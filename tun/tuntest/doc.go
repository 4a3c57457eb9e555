// Package tuntest tests programs that use a [tun.Device], without a kernel
// interface and without privileges, and tests devices themselves.
//
// [Pair] is the in-memory twin of a TUN interface: what is written to one end
// is read at the other.
//
//	program under test -> host | kernel <- the test, in the kernel's place
//
// [OffloadPair] is the same for devices with offload.
//
// [Contract] is the documentation of tun.Device as a test, for any
// implementation, and [OffloadContract] what tun.OffloadDevice says beyond it. [UDP] builds a packet that a real kernel accepts.
//
// The package has no IP stack: it does not route, answer, check or change
// packets, and it has no delay and no loss other than a full queue.
package tuntest
