package tun_test

import (
	"net"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lastack/tun"
)

// TestLend: the interface is up, has what was asked for, outlives the descriptor, and
// takes another program's attachment by name once that is closed.
func TestLend(t *testing.T) {
	needTUN(t)
	for kind, flag := range map[tun.Kind]uint16{tun.Layer3: unix.IFF_TUN, tun.Layer2: unix.IFF_TAP} {
		const name = "tlend"
		file, err := tun.Lend(tun.Config{Name: name, MTU: 1400, Addrs: prefixes("10.77.0.1/24")}, kind)
		must(t, err)
		l, err := netlink.LinkByName(name)
		must(t, err)
		if a := l.Attrs(); a.MTU != 1400 || a.Flags&net.FlagUp == 0 || len(addrsOf(t, name)) == 0 {
			t.Errorf("MTU %d, flags %v, addresses %v", a.MTU, a.Flags, addrsOf(t, name))
		}
		if _, err := tun.Lend(tun.Config{Name: name}, kind); err == nil {
			t.Error("lent twice under one name")
		}
		must(t, file.Close())
		must(t, attachAgain(name, flag|unix.IFF_NO_PI))
		must(t, netlink.LinkDel(l))
	}
	for _, cfg := range []tun.Config{{}, {Name: "tlend", Offload: true}, {Name: "tlend", MTU: 1}} {
		if _, err := tun.Lend(cfg, tun.Layer3); err == nil {
			t.Errorf("%+v was lent", cfg)
		}
	}
	if _, err := netlink.LinkByName("tlend"); err == nil {
		t.Error("an interface stays of what was refused")
	}
}

// attachAgain attaches as the borrowing program does.
func attachAgain(name string, flags uint16) error {
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	req, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	req.SetUint16(flags)
	return unix.IoctlIfreq(int(f.Fd()), unix.TUNSETIFF, req)
}
