package tun

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// transient are the address flags that the kernel sets itself.
const transient = unix.IFA_F_PERMANENT | unix.IFA_F_SECONDARY | unix.IFA_F_TENTATIVE |
	unix.IFA_F_DADFAILED | unix.IFA_F_OPTIMISTIC | unix.IFA_F_DEPRECATED

// giveBack undoes on a borrowed interface what configure did, closes the
// link and returns the first failure. It goes on after a failure, so
// as to leave as little behind as possible. The descriptor must be closed.
func (l *link) giveBack() error {
	defer l.close()
	if !l.mtuSet && !l.upSet && len(l.added) == 0 {
		return l.resetFlags()
	}
	before, err := l.addrs()
	keep := func(op string, e error) {
		if e != nil && err == nil && !gone(e) {
			err = setError(op, l.name, e)
		}
	}
	for i := range l.added {
		keep(fmt.Sprintf("take away address %v", l.added[i].IPNet), l.handle.AddrDel(l.dev(), &l.added[i]))
	}
	if l.upSet && !l.prior.up {
		keep("take down", l.handle.LinkSetDown(l.dev()))
	}
	if l.mtuSet {
		keep(fmt.Sprintf("set MTU %d", l.prior.mtu), l.handle.LinkSetMTU(l.dev(), l.prior.mtu))
	}
	keep("put addresses back", l.readd(before))
	if e := l.resetFlags(); err == nil {
		err = e
	}
	return err
}

// readd puts back the addresses in before that are not ours and that went with
// our changes: taking an interface down takes its IPv6 addresses, and taking
// away an IPv4 address takes those that were added to its subnet later.
func (l *link) readd(before []netlink.Addr) error {
	after, err := l.addrs()
	if err != nil {
		return err
	}
	for _, a := range before {
		if slices.ContainsFunc(after, a.Equal) || slices.ContainsFunc(l.added, a.Equal) {
			continue
		}
		// A link-local address that came with going up goes with going down.
		if a.IP.To4() == nil && a.IP.IsLinkLocalUnicast() && !slices.ContainsFunc(l.prior.addrs, a.Equal) {
			continue
		}
		a.Flags &^= transient
		if a.IP.To4() == nil {
			a.Flags |= unix.IFA_F_NODAD
		} else if a.Broadcast == nil {
			a.Broadcast = net.IPv4zero
		}
		if err := l.handle.AddrAdd(l.dev(), &a); err != nil {
			return fmt.Errorf("%v: %w", a.IPNet, err)
		}
	}
	return nil
}

// resetFlags gives the interface the packet format it had (ip tuntap add pi,
// vnet_hdr), which attaching sets anew each time. If somebody else holds the
// interface by now, the format is theirs to choose.
func (l *link) resetFlags() error {
	if l.spare == nil {
		return nil
	}
	return control(l.spare, func(fd int) error {
		if _, err := setInterface(fd, l.name, l.name, l.prior.flags); !errors.Is(err, unix.EBUSY) {
			return err
		}
		return nil
	})
}

// gone says that what was to be taken away is not there any more.
func gone(err error) bool {
	return errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV)
}
