package tun

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// link is the interface as netlink sees it. Its descriptors belong to the
// namespace Open was called in, wherever later calls come from.
type link struct {
	handle *netlink.Handle
	name   string
	index  int
	prior  *prior   // what the interface was before, nil if Open made it
	spare  *os.File // see prepareReset, nil if not needed

	// The changes that configure made.
	mtuSet, upSet bool
	added         []netlink.Addr
}

// prior is the state that a borrowed interface gets back.
type prior struct {
	mtu   int
	up    bool
	flags uint16 // IFF_TUN and its modifiers, as TUNSETIFF takes them
	addrs []netlink.Addr
}

// close releases the descriptors; again is harmless.
func (l *link) close() {
	l.handle.Close()
	if l.spare != nil {
		l.spare.Close()
	}
}

// find looks for an interface of cfg's name and takes down its state. Finding
// none is no error. Anything but a TUN interface of one queue is.
func (l *link) find(cfg Config) error {
	if cfg.Name == "" {
		return nil
	}
	found, err := l.handle.LinkByName(cfg.Name)
	var none netlink.LinkNotFoundError
	if errors.As(err, &none) {
		return nil
	}
	if err != nil {
		return setError("look up the interface", cfg.Name, err)
	}
	dev, err := singleTUN(found)
	if err != nil {
		return &Error{Op: "open", Name: cfg.Name, Err: err,
			Hint: "choose another name, or delete that interface: ip link del " + cfg.Name}
	}
	l.name, l.index = dev.Name, dev.Index
	addrs, err := l.addrs()
	if err != nil {
		return err
	}
	l.prior = &prior{
		mtu:   dev.MTU,
		up:    dev.LinkAttrs.Flags&net.FlagUp != 0,
		flags: uint16(dev.Flags) | unix.IFF_TUN,
		addrs: addrs,
	}
	return l.checkMTU(cfg.mtu())
}

func singleTUN(found netlink.Link) (*netlink.Tuntap, error) {
	dev, ok := found.(*netlink.Tuntap)
	switch {
	case !ok:
		return nil, fmt.Errorf("the name is taken by an interface of type %s: %w", found.Type(), syscall.EEXIST)
	case dev.Mode != netlink.TUNTAP_MODE_TUN:
		return nil, fmt.Errorf("the name is taken by a TAP interface: %w", syscall.EEXIST)
	case dev.Flags&netlink.TUNTAP_MULTI_QUEUE != 0:
		return nil, fmt.Errorf("the name is taken by a multi-queue TUN interface, "+
			"whose packets another process could take: %w", syscall.EEXIST)
	}
	return dev, nil
}

// checkMTU refuses an MTU at which the kernel would take IPv6, and with it
// somebody else's addresses and routes, off a borrowed interface.
func (l *link) checkMTU(mtu int) error {
	if mtu >= MinMTU6 {
		return nil
	}
	for _, a := range l.prior.addrs {
		if a.IP.To4() == nil && !a.IP.IsLinkLocalUnicast() {
			return &Error{Op: "configure", Name: l.name, Err: fmt.Errorf(
				"MTU %d is below %d, and the interface has the IPv6 address %v: %w", mtu, MinMTU6, a.IPNet, fs.ErrInvalid)}
		}
	}
	return nil
}

// checkHolders refuses addresses that an interface already has. The kernel
// would allow them on a second interface, but then which of the two gets a
// packet depends on the order of routes. Link-local addresses are meant to
// repeat.
func (l *link) checkHolders(cfg Config) error {
	all, err := dump(func() ([]netlink.Addr, error) { return l.handle.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return setError("list addresses", cfg.Name, err)
	}
	for _, p := range cfg.Addrs {
		if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			continue
		}
		i := slices.IndexFunc(all, func(a netlink.Addr) bool { return hasAddr(a, p.Addr()) && !(l.isOwn(a) && a.Equal(toAddr(p))) })
		if i < 0 {
			continue
		}
		holder := fmt.Sprintf("number %d", all[i].LinkIndex)
		if dev, err := l.handle.LinkByIndex(all[i].LinkIndex); err == nil {
			holder = dev.Attrs().Name
		}
		return &Error{Op: fmt.Sprintf("add address %v", p), Name: cfg.Name,
			Err:  &heldError{p.Addr(), holder},
			Hint: fmt.Sprintf("choose another, or take it away: ip addr del %v dev %s", all[i].IPNet, holder)}
	}
	return nil
}

func (l *link) isOwn(a netlink.Addr) bool { return l.prior != nil && a.LinkIndex == l.index }

// addrs lists the interface's addresses.
func (l *link) addrs() ([]netlink.Addr, error) {
	list, err := dump(func() ([]netlink.Addr, error) { return l.handle.AddrList(l.dev(), netlink.FAMILY_ALL) })
	if err != nil {
		return nil, setError("list addresses", l.name, err)
	}
	return list, nil
}

// dev is the interface as netlink's calls take it; they look at the index.
func (l *link) dev() netlink.Link {
	return &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: l.name, Index: l.index}}
}

// configure sets what is not already as cfg wants it: an interface that was
// prepared in full needs no privilege.
func (l *link) configure(cfg Config) error {
	now, err := l.handle.LinkByIndex(l.index)
	if err != nil {
		return setError("look up the interface", l.name, err)
	}
	if mtu := cfg.mtu(); now.Attrs().MTU != mtu {
		if err := l.handle.LinkSetMTU(l.dev(), mtu); err != nil {
			return setError(fmt.Sprintf("set MTU %d", mtu), l.name, err)
		}
		l.mtuSet = true
	}
	// Up before the addresses: an IPv6 address is usable at once only on an
	// interface that is ready.
	if now.Attrs().Flags&net.FlagUp == 0 {
		if err := l.handle.LinkSetUp(l.dev()); err != nil {
			return setError("bring up", l.name, err)
		}
		l.upSet = true
	}
	if err := l.addAll(cfg.Addrs); err != nil {
		return err
	}
	// The carrier of an interface that was up already comes on in the
	// background. Asking for the interface makes current kernels finish that,
	// so that the first packet is not lost.
	if _, err := l.handle.LinkByIndex(l.index); err != nil {
		return setError("look up the interface", l.name, err)
	}
	return nil
}

// addAll adds the addresses and returns when all of them work.
func (l *link) addAll(addrs []netip.Prefix) error {
	var slow []netip.Addr
	for _, p := range addrs {
		if p.Addr().Is6() {
			slow = append(slow, p.Addr())
		}
	}
	if len(slow) == 0 {
		return l.addEach(addrs)
	}
	watch, err := l.watchRoutes()
	if err != nil {
		return err
	}
	defer watch.close()
	if err := l.addEach(addrs); err != nil {
		return err
	}
	for _, a := range slow {
		if err := watch.wait(a); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) addEach(addrs []netip.Prefix) error {
	for _, p := range addrs {
		if err := l.add(p); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) add(p netip.Prefix) error {
	a := toAddr(p)
	if l.prior != nil && slices.ContainsFunc(l.prior.addrs, a.Equal) {
		return nil
	}
	if err := l.handle.AddrAdd(l.dev(), &a); err != nil {
		return addrError(l.name, p, l.prior != nil, err)
	}
	l.added = append(l.added, a)
	return nil
}

// dump repeats a listing that changed while the kernel wrote it down.
func dump[T any](list func() (T, error)) (got T, err error) {
	for range 10 {
		if got, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return got, err
}

// toAddr makes the address to add for p. A TUN interface has no broadcast;
// netlink would compute one from nil.
func toAddr(p netip.Prefix) netlink.Addr {
	ip := p.Addr()
	a := netlink.Addr{IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(p.Bits(), ip.BitLen())}}
	if ip.Is4() {
		a.Broadcast = net.IPv4zero
	} else {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func hasAddr(a netlink.Addr, ip netip.Addr) bool {
	got, ok := netip.AddrFromSlice(a.IP)
	return ok && got.Unmap() == ip
}
