package tun_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lastack/tun"
)

func mustOpen(tb testing.TB, cfg tun.Config) tun.Device {
	tb.Helper()
	dev, err := tun.Open(cfg)
	must(tb, err)
	tb.Cleanup(func() { dev.Close() })
	return dev
}

func TestOpenSetsTheInterface(t *testing.T) {
	for name, cfg := range map[string]tun.Config{
		"zero":        {},
		"named":       {Name: "tnew", MTU: 9000, Addrs: prefixes("10.77.0.1/24", "10.78.0.1/32", "fd77::1/64")},
		"least MTU":   {MTU: 576, Addrs: prefixes("10.77.0.1/24")},
		"largest MTU": {MTU: 65535, Addrs: prefixes("fd77::1/128", "fe80::1/64")},
		"UTF-8 name":  {Name: "tünnel"},
	} {
		t.Run(name, func(t *testing.T) {
			needTUN(t)
			dev := mustOpen(t, cfg)
			checkInterface(t, dev, cfg)
			if dev.(*tun.KernelDevice).Persistent() {
				t.Error("Persistent is true for an interface that Open made")
			}
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
			if _, err := netlink.LinkByName(dev.Name()); err == nil {
				t.Error("the interface is still there after Close")
			}
		})
	}
}

func checkInterface(t *testing.T, dev tun.Device, cfg tun.Config) {
	t.Helper()
	if cfg.Name != "" && dev.Name() != cfg.Name || cfg.Name == "" && !strings.HasPrefix(dev.Name(), "tun") {
		t.Errorf("Name is %q for %q", dev.Name(), cfg.Name)
	}
	mtu := cfg.MTU
	if mtu == 0 {
		mtu = 1500
	}
	l := linkOf(t, dev.Name()).(*netlink.Tuntap)
	if l.MTU != mtu || dev.MTU() != mtu {
		t.Errorf("the interface has MTU %d, the device %d, want %d", l.MTU, dev.MTU(), mtu)
	}
	if l.LinkAttrs.Flags&net.FlagUp == 0 || l.RawFlags&unix.IFF_LOWER_UP == 0 {
		t.Errorf("the interface is not up with carrier: %#x", l.RawFlags)
	}
	list, err := netlink.AddrList(l, netlink.FAMILY_ALL)
	must(t, err)
	var got []string
	for _, a := range list {
		if a.Flags&unix.IFA_F_TENTATIVE != 0 && !a.IP.IsLinkLocalUnicast() {
			t.Errorf("address %v is not usable yet", a.IPNet)
		}
		got = append(got, a.IPNet.String())
	}
	for _, p := range cfg.Addrs {
		if !slices.Contains(got, p.String()) {
			t.Errorf("the interface does not have address %v, it has %v", p, got)
		}
	}
}

func TestKernelChoosesDifferentNames(t *testing.T) {
	needTUN(t)
	a, b := mustOpen(t, tun.Config{}), mustOpen(t, tun.Config{})
	if a.Name() == b.Name() {
		t.Errorf("both are named %q", a.Name())
	}
}

func TestNameTaken(t *testing.T) {
	for _, c := range []struct {
		name, want string
		link       netlink.Link
	}{
		{"bridge", "bridge", &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "ttaken", MTU: 1400}}},
		{"dummy", "dummy", &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "ttaken", MTU: 1400}}},
		{"TAP", "TAP", &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "ttaken"}, Mode: netlink.TUNTAP_MODE_TAP}},
		{"multi-queue", "multi-queue", &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "ttaken"}, Mode: netlink.TUNTAP_MODE_TUN,
			Queues: 1, Flags: netlink.TUNTAP_MULTI_QUEUE_DEFAULTS}},
	} {
		t.Run(c.name, func(t *testing.T) {
			needTUN(t)
			if err := netlink.LinkAdd(c.link); errors.Is(err, unix.EOPNOTSUPP) {
				t.Skipf("this kernel makes no interface of type %s: %v", c.link.Type(), err)
			} else if err != nil {
				t.Fatal(err)
			}
			if tap, ok := c.link.(*netlink.Tuntap); ok {
				for _, f := range tap.Fds {
					f.Close()
				}
			}
			t.Cleanup(func() { netlink.LinkDel(c.link) })
			before := census(t)
			_, err := tun.Open(tun.Config{Name: "ttaken", MTU: 1300, Addrs: prefixes("10.77.0.1/24")})
			wantError(t, err, fs.ErrExist, c.want, "ip link del ttaken")
			if after := census(t); !slices.Equal(before, after) {
				t.Errorf("changed from\n%s\nto\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
			}
		})
	}
}

func TestAddressTaken(t *testing.T) {
	needTUN(t)
	other := mustOpen(t, tun.Config{Name: "tother", Addrs: prefixes("10.77.0.1/24", "fd77::1/64", "fe80::7/64")})
	for _, addr := range []string{"10.77.0.1/24", "10.77.0.1/32", "fd77::1/128"} {
		before := census(t)
		_, err := tun.Open(tun.Config{Name: "tsecond", Addrs: prefixes("10.88.0.1/24", addr)})
		wantError(t, err, syscall.EADDRINUSE, addr, "already assigned to interface "+other.Name())
		if !errors.Is(err, syscall.EEXIST) || !errors.Is(err, fs.ErrExist) {
			t.Errorf("%v does not match EEXIST and fs.ErrExist", err)
		}
		if after := census(t); !slices.Equal(before, after) {
			t.Errorf("left behind: %v, before: %v", after, before)
		}
	}
	// Link-local addresses repeat from link to link.
	mustOpen(t, tun.Config{Addrs: prefixes("fe80::7/64")})
}

func TestIPv6Disabled(t *testing.T) {
	needTUN(t)
	const path = "/proc/sys/net/ipv6/conf/default/disable_ipv6"
	was, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("needs IPv6 in the kernel: %v", err)
	}
	if err := os.WriteFile(path, []byte("1"), 0); err != nil {
		t.Skipf("needs to switch IPv6 off: %v", err)
	}
	t.Cleanup(func() { must(t, os.WriteFile(path, was, 0)) })

	before := census(t)
	_, err = tun.Open(tun.Config{Name: "tno6", Addrs: prefixes("10.77.0.1/24", "fd77::1/64")})
	wantError(t, err, tun.ErrIPv6Disabled, "fd77::1/64", "sysctl", "disable_ipv6")
	if errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v matches fs.ErrPermission, which root would not fix", err)
	}
	if after := census(t); !slices.Equal(before, after) {
		t.Errorf("left behind: %v, before: %v", after, before)
	}
	mustOpen(t, tun.Config{Name: "tno6", Addrs: prefixes("10.77.0.1/24")}) // IPv4 alone works
}

// A child process must not keep the interface alive.
func TestDescriptorIsNotInherited(t *testing.T) {
	needTUN(t)
	dev := mustOpen(t, tun.Config{})
	out, err := exec.Command("/bin/sh", "-c", "ls -l /proc/self/fd").CombinedOutput()
	if err != nil {
		t.Skipf("needs a shell and ls: %v", err)
	}
	if strings.Contains(string(out), "net/tun") {
		t.Errorf("the child has a descriptor of %s:\n%s", dev.Name(), out)
	}
}
