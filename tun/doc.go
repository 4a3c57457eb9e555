// Package tun opens a TUN device: a network interface of the kernel whose
// packets a program reads and writes.
//
//	kernel sockets -> routing -> interface tunN <-> Device -> this program
//
// Packets that the kernel routes to the interface come out of [Device.Read]; what is
// given to [Device.Write] enters the kernel as if it had arrived on that interface. The
// packets are bare IPv4 and IPv6 packets: layer 3, no link header, no packet-information
// prefix (IFF_NO_PI).
//
// It wraps two libraries: github.com/songgao/water opens and attaches the
// descriptor, github.com/vishvananda/netlink sets the interface's MTU,
// addresses and state. Each Read is one packet as the kernel would have put it on
// a wire, unless Config.Offload asks for packets that are unfinished: large, and
// without a checksum (see [OffloadDevice] and package vnet). Water cannot ask for
// those, so such a device is opened through golang.org/x/sys.
//
//	dev, err := tun.Open(tun.Config{Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}})
//	if err != nil {
//		return err // an *Error: one line, says what to do next
//	}
//	defer dev.Close()
//	buf := make([]byte, dev.MTU())
//	for {
//		n, err := dev.Read(buf)
//		...
//	}
//
// # Whose interface it is
//
// An interface that Open makes lives as long as its descriptor: it is gone
// after Close, and after the process ended in any way, SIGKILL included. The
// descriptor is not handed to child processes.
//
// An interface that was there before (ip tuntap add) is borrowed. It keeps its
// persistence, owner and group, and after Close it has the MTU, up or down state and
// addresses it had. Settings that need no change need no privilege, so a device that root
// prepared in full can be opened by its owner. Undoing changes needs CAP_NET_ADMIN at
// Close, see [KernelDevice.Persistent]. A borrower killed by SIGKILL cannot restore
// anything: the interface stays, with the borrower's settings.
//
// # Namespaces
//
// Open acts in the network namespace of the calling thread. A goroutine in a
// namespace of its own must have called runtime.LockOSThread. All later calls,
// Close included, may come from any thread.
//
// # What it does not do
//
// It sets no route beyond those that follow from the addresses, no sysctl, no
// name resolution. It opens one queue; multi-queue interfaces are
// refused. It does not keep the kernel from speaking up: on an interface with
// IPv6 the kernel sends router solicitations and multicast reports of its own.
// It does not follow changes that others make while the device is open.
//
// Package tuntest has an in-memory pair of devices and the contract as a test.
package tun
