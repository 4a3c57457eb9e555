package tun_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lastack/tun"
)

// makePersistent makes a TUN interface as ip tuntap add would, with an owner
// and a group, and takes it away after the test.
func makePersistent(t *testing.T, name string, prepare func(netlink.Link) error) {
	t.Helper()
	makeTUN(t, name, unix.IFF_NO_PI, prepare)
}

func makeTUN(t *testing.T, name string, flags uint16, prepare func(netlink.Link) error) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	must(t, err)
	req.SetUint16(unix.IFF_TUN | flags)
	must(t, unix.IoctlIfreq(fd, unix.TUNSETIFF, req))
	must(t, unix.IoctlSetInt(fd, unix.TUNSETOWNER, os.Getuid()))
	must(t, unix.IoctlSetInt(fd, unix.TUNSETGROUP, os.Getgid()))
	must(t, unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1))
	t.Cleanup(func() {
		if l, err := netlink.LinkByName(name); err != nil {
			t.Errorf("the persistent interface is gone: %v", err)
		} else {
			must(t, netlink.LinkDel(l))
		}
	})
	if prepare != nil {
		must(t, prepare(linkOf(t, name)))
	}
}

func parseAddr(t *testing.T, s string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(s)
	must(t, err)
	a.Flags |= unix.IFA_F_NODAD
	return a
}

// snapshot describes all that must survive a borrowing.
func snapshot(t *testing.T, name string) string {
	t.Helper()
	l := linkOf(t, name).(*netlink.Tuntap)
	list, err := netlink.AddrList(l, netlink.FAMILY_ALL)
	must(t, err)
	var all []string
	for _, a := range list {
		if !a.IP.IsLinkLocalUnicast() {
			all = append(all, a.String()+" "+a.Label+" "+a.Broadcast.String())
		}
	}
	slices.Sort(all)
	tuntap := struct{ owner, group, flags, index, mtu int }{int(l.Owner), int(l.Group), int(l.Flags), l.Index, l.MTU}
	return strings.Join(append(all, l.LinkAttrs.Flags.String(), fmt.Sprintf("%+v non-persistent %v", tuntap, l.NonPersist)), "\n")
}

func TestBorrowGivesBack(t *testing.T) {
	mine := prefixes("10.77.0.1/24", "10.66.0.9/24", "fd77::1/64")
	up := func(addrs ...string) func(netlink.Link) error {
		return func(l netlink.Link) error {
			for _, a := range addrs {
				if err := netlink.AddrAdd(l, parseAddr(t, a)); err != nil {
					return err
				}
			}
			return netlink.LinkSetUp(l)
		}
	}
	down := func(addrs ...string) func(netlink.Link) error {
		return func(l netlink.Link) error {
			return errors.Join(up(addrs...)(l), netlink.LinkSetDown(l), readd(t, l, addrs))
		}
	}
	for _, c := range []struct {
		name    string
		flags   uint16
		prepare func(netlink.Link) error
		cfg     tun.Config
	}{
		{"bare", unix.IFF_NO_PI, nil, tun.Config{}},
		{"up", unix.IFF_NO_PI, up("10.66.0.1/24", "fd66::1/64"), tun.Config{Addrs: mine}},
		{"down", unix.IFF_NO_PI, down("10.66.0.1/24", "fd66::1/64"), tun.Config{Addrs: mine}},
		{"nothing to change", unix.IFF_NO_PI, up("10.66.0.1/24"), tun.Config{Addrs: prefixes("10.66.0.1/24")}},
		{"another MTU", unix.IFF_NO_PI, up("10.66.0.1/24"), tun.Config{MTU: 600, Addrs: mine[:1]}},
		{"small MTU before", unix.IFF_NO_PI, func(l netlink.Link) error {
			return errors.Join(netlink.LinkSetMTU(l, 1000), up("10.66.0.1/24")(l))
		}, tun.Config{MTU: 9000, Addrs: mine}},
		{"peer and label", unix.IFF_NO_PI, func(l netlink.Link) error {
			a := parseAddr(t, "10.66.0.1/32")
			a.Peer, a.Label = parseAddr(t, "10.66.0.2/32").IPNet, l.Attrs().Name+":x"
			return netlink.AddrAdd(l, a)
		}, tun.Config{Addrs: mine}},
		{"packet information", 0, nil, tun.Config{Addrs: mine}},
		{"virtio header", unix.IFF_VNET_HDR, up(), tun.Config{Addrs: mine}},
		{"offload", unix.IFF_NO_PI, up(), tun.Config{Addrs: mine, Offload: true}},
		{"offload as before", unix.IFF_NO_PI | unix.IFF_VNET_HDR, up(), tun.Config{Addrs: mine, Offload: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			needTUN(t)
			makeTUN(t, "tkeep", c.flags, c.prepare)
			before := snapshot(t, "tkeep")
			c.cfg.Name = "tkeep"
			dev := mustOpen(t, c.cfg)
			checkInterface(t, dev, c.cfg)
			if !dev.(*tun.KernelDevice).Persistent() {
				t.Error("Persistent is false for a borrowed interface")
			}
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
			if after := snapshot(t, "tkeep"); after != before {
				t.Errorf("after Close:\n%s\nbefore Open:\n%s", after, before)
			}
		})
	}
}

// readd puts IPv6 addresses on an interface that is down.
func readd(t *testing.T, l netlink.Link, addrs []string) error {
	for _, s := range addrs {
		if a := parseAddr(t, s); a.IP.To4() == nil {
			if err := netlink.AddrAdd(l, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// Taking away our address must not take what was added beside it meanwhile.
func TestAddressesAddedWhileBorrowedStay(t *testing.T) {
	needTUN(t)
	makePersistent(t, "tkeep", nil)
	dev := mustOpen(t, tun.Config{Name: "tkeep", Addrs: prefixes("10.77.0.1/24")})
	for _, a := range []string{"10.77.0.5/24", "fd66::5/64"} {
		must(t, netlink.AddrAdd(linkOf(t, "tkeep"), parseAddr(t, a)))
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	want := []string{"10.77.0.5/24", "fd66::5/64"}
	if got := addrsOf(t, "tkeep"); !slices.Equal(got, want) {
		t.Errorf("addresses are %v, want %v", got, want)
	}
}

// Close does not complain about what somebody else took away already.
func TestGoneWhileBorrowed(t *testing.T) {
	needTUN(t)
	makePersistent(t, "tkeep", nil)
	dev := mustOpen(t, tun.Config{Name: "tkeep", Addrs: prefixes("10.77.0.1/24")})
	must(t, netlink.AddrDel(linkOf(t, "tkeep"), parseAddr(t, "10.77.0.1/24")))
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
}

// An Open that fails half way gives back as Close does.
func TestFailedBorrowGivesBack(t *testing.T) {
	needTUN(t)
	makePersistent(t, "tkeep", func(l netlink.Link) error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/tkeep/disable_ipv6", []byte("1"), 0)
	})
	before := snapshot(t, "tkeep")
	_, err := tun.Open(tun.Config{Name: "tkeep", MTU: 1300, Addrs: prefixes("10.77.0.1/24", "fd77::1/64")})
	wantError(t, err, tun.ErrIPv6Disabled, "net.ipv6.conf.tkeep.disable_ipv6=0")
	if after := snapshot(t, "tkeep"); after != before {
		t.Errorf("after Open:\n%s\nbefore:\n%s", after, before)
	}
}

func TestBorrowRefuses(t *testing.T) {
	needTUN(t)
	makePersistent(t, "tkeep", func(l netlink.Link) error {
		return errors.Join(netlink.AddrAdd(l, parseAddr(t, "10.77.0.1/24")), netlink.AddrAdd(l, parseAddr(t, "fd77::1/64")))
	})
	before := snapshot(t, "tkeep")
	_, err := tun.Open(tun.Config{Name: "tkeep", Addrs: prefixes("10.77.0.1/32")})
	wantError(t, err, syscall.EADDRINUSE, "interface tkeep") // another prefix length
	_, err = tun.Open(tun.Config{Name: "tkeep", MTU: 1000})
	wantError(t, err, fs.ErrInvalid, "MTU 1000", "fd77::1/64")
	if after := snapshot(t, "tkeep"); after != before {
		t.Errorf("after Open:\n%s\nbefore:\n%s", after, before)
	}
}
