package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// linkReady bounds the wait for a new link to carry packets.
const linkReady = 5 * time.Second

// VethEnd is one end of a virtual cable.
type VethEnd struct {
	// Namespace the end is in. Nil means the current one.
	Namespace *Namespace
	// Name of the interface, at most 15 bytes. Empty means "veth-a" for end A
	// and "veth-b" for end B.
	Name string
	// Addrs are given to the interface with their prefix lengths, usable at
	// once: IPv6 duplicate address detection (RFC 4862 5.4) is off at this end.
	Addrs []netip.Prefix
}

// VethConfig describes a pair of virtual Ethernet interfaces. The zero value
// links two interfaces without addresses in the current namespace.
type VethConfig struct {
	A, B VethEnd
	// MTU of both ends in bytes. Zero means 1500; less than 1280 leaves no IPv6.
	MTU int
	// NoOffload turns off segmentation and checksum offload at both ends, so
	// that a capture shows what a real wire would: segments no longer than the
	// MTU, with true checksums. It costs bulk throughput.
	NoOffload bool
}

// Veth makes a pair of interfaces that are each other's wire, gives them their
// addresses, brings both up and returns when packets can pass.
//
//	 namespace of A                 namespace of B
//	+----------------+             +----------------+
//	|  A.Name        |   the wire  |  B.Name        |
//	|  A.Addrs  (o)==|=============|==(o)  B.Addrs  |
//	+----------------+             +----------------+
//
// The pair is removed with either namespace. Two ends in one namespace are
// possible, but the kernel delivers between its own addresses over loopback.
func Veth(c VethConfig) error {
	if c.A.Name == "" {
		c.A.Name = "veth-a"
	}
	if c.B.Name == "" {
		c.B.Name = "veth-b"
	}
	if c.MTU == 0 {
		c.MTU = 1500
	}
	if err := c.create(); err != nil {
		return fmt.Errorf("lab: making veth pair %s and %s: %w", c.A.Name, c.B.Name, err)
	}
	if err := c.bringUp(); err != nil {
		return errors.Join(err, c.A.in(func() error { return removeLink(c.A.Name) }))
	}
	return nil
}

// bringUp makes both ends ready. Neither carries packets before both are up.
func (c VethConfig) bringUp() error {
	ends := []VethEnd{c.A, c.B}
	for _, end := range ends {
		if err := end.in(func() error { return end.configure(c.NoOffload) }); err != nil {
			return err
		}
	}
	for _, end := range ends {
		if err := end.in(end.awaitReady); err != nil {
			return err
		}
	}
	return nil
}

// in runs fn in the end's namespace.
func (e VethEnd) in(fn func() error) error {
	if e.Namespace == nil {
		return fn()
	}
	return e.Namespace.Do(fn)
}

// create makes the pair, each end in its namespace from the start.
func (c VethConfig) create() error {
	var far *os.File
	err := c.B.in(func() (err error) {
		far, err = os.Open(threadNamespace)
		return err
	})
	if err != nil {
		return err
	}
	defer far.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = c.A.Name, c.MTU
	return c.A.in(func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs:     attrs,
			PeerName:      c.B.Name,
			PeerMTU:       uint32(c.MTU),
			PeerNamespace: netlink.NsFd(far.Fd()),
		})
	})
}

// configure gives the end its addresses and brings it up.
func (e VethEnd) configure(noOffload bool) error {
	link, err := netlink.LinkByName(e.Name)
	if err != nil {
		return fmt.Errorf("lab: looking up %s: %w", e.Name, err)
	}
	if noOffload {
		if err := disableOffload(e.Name); err != nil {
			return err
		}
	}
	for _, prefix := range e.Addrs {
		if err := netlink.AddrAdd(link, address(prefix)); err != nil {
			return fmt.Errorf("lab: giving %s to %s: %w", prefix, e.Name, err)
		}
	}
	// A router asks for its neighbours from its link-local address, and not at all while
	// that is tentative: after three seconds it answers that the host is unreachable.
	// Without IPv6 there is nothing to turn off, and where it may not be turned off,
	// awaitReady waits until it is over.
	_ = Sysctl("net/ipv6/conf/"+e.Name+"/accept_dad", "0")
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("lab: bringing up %s: %w", e.Name, err)
	}
	return nil
}

func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: &net.IPNet{
		IP:   p.Addr().AsSlice(),
		Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

// awaitReady waits until the interface is running, has the given addresses, and none of
// its addresses is tentative: IPv6 begins on a link a moment after its carrier does.
func (e VethEnd) awaitReady() error {
	link, err := netlink.LinkByName(e.Name)
	if err != nil {
		return fmt.Errorf("lab: looking up %s: %w", e.Name, err)
	}
	for deadline := time.Now().Add(linkReady); ; time.Sleep(time.Millisecond) {
		ready, err := e.ready(link.Attrs().Index)
		if err != nil {
			return fmt.Errorf("lab: looking at %s: %w", e.Name, err)
		}
		if ready {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("lab: %s carries no packets after %v: %w", e.Name, linkReady, os.ErrDeadlineExceeded)
		}
	}
}

func (e VethEnd) ready(index int) (bool, error) {
	link, err := netlink.LinkByIndex(index)
	if err != nil || link.Attrs().OperState != netlink.OperUp {
		return false, err
	}
	addrs, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return false, err
	}
	present := make(map[netip.Addr]bool)
	for _, a := range addrs {
		if a.Flags&unix.IFA_F_TENTATIVE != 0 {
			return false, nil
		}
		ip, _ := netip.AddrFromSlice(a.IP)
		present[ip.Unmap()] = true
	}
	for _, p := range e.Addrs {
		if !present[p.Addr()] {
			return false, nil
		}
	}
	return true, nil
}

func removeLink(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}
