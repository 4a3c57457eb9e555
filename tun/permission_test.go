package tun_test

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lastack/tun"
)

// insteadOfTUN runs f on a thread on which /dev/net is an empty directory, with
// prepare done to it.
func insteadOfTUN(t *testing.T, prepare, f func()) {
	t.Helper()
	needNamespace(t)
	var err error
	onThread(func() {
		if err = unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return
		}
		if err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return
		}
		where := "/dev/net"
		if _, missing := os.Stat(where); missing != nil {
			where = "/dev"
		}
		if err = unix.Mount("none", where, "tmpfs", 0, ""); err != nil {
			return
		}
		if err = os.MkdirAll("/dev/net", 0o755); err != nil {
			return
		}
		prepare()
		f()
	})
	if err != nil {
		t.Skipf("needs a mount namespace with another /dev/net: %v", err)
	}
}

func TestNoTUNFile(t *testing.T) {
	insteadOfTUN(t, func() {}, func() {
		_, err := tun.Open(tun.Config{Name: "tnone"})
		wantError(t, err, fs.ErrNotExist, "/dev/net/tun", "modprobe tun", "mknod /dev/net/tun c 10 200")
	})
}

func TestTUNFileNotPermitted(t *testing.T) {
	var err error
	insteadOfTUN(t, func() {
		if err = os.WriteFile("/dev/net/tun", nil, 0); err == nil {
			err = dropCapability(unix.CAP_DAC_OVERRIDE)
		}
	}, func() {
		if err != nil {
			t.Error(err)
		}
		_, err := tun.Open(tun.Config{Name: "tnone"})
		wantError(t, err, fs.ErrPermission, "open /dev/net/tun", "mode", "chmod")
	})
}

func TestFileIsNotTheTUNDevice(t *testing.T) {
	var err error
	insteadOfTUN(t, func() { err = os.WriteFile("/dev/net/tun", nil, 0o600) }, func() {
		if err != nil {
			t.Error(err)
		}
		_, err := tun.Open(tun.Config{Name: "tnone"})
		wantError(t, err, syscall.ENOTTY, "mknod")
	})
}

func TestNoNetAdmin(t *testing.T) {
	for _, name := range []string{"", "tnocap"} {
		needTUN(t)
		onThread(func() {
			if err := dropCapability(unix.CAP_NET_ADMIN); err != nil {
				t.Error(err)
				return
			}
			_, err := tun.Open(tun.Config{Name: name})
			wantError(t, err, fs.ErrPermission, "attach", "CAP_NET_ADMIN", "setcap")
		})
	}
}

// An interface that Open made needs no privilege to end.
func TestCloseWithoutNetAdmin(t *testing.T) {
	needTUN(t)
	dev := mustOpen(t, tun.Config{Addrs: prefixes("10.77.0.1/24")})
	onThread(func() {
		if err := dropCapability(unix.CAP_NET_ADMIN); err != nil {
			t.Error(err)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := netlink.LinkByName(dev.Name()); err == nil {
		t.Error("the interface is still there")
	}
}

// A borrowed interface does, and Close says what it left.
func TestGiveBackWithoutNetAdmin(t *testing.T) {
	needTUN(t)
	makePersistent(t, "tkeep", nil)
	dev := mustOpen(t, tun.Config{Name: "tkeep", Addrs: prefixes("10.77.0.1/24")})
	onThread(func() {
		if err := dropCapability(unix.CAP_NET_ADMIN); err != nil {
			t.Error(err)
		}
		wantError(t, dev.Close(), fs.ErrPermission, "take away address 10.77.0.1/24", "CAP_NET_ADMIN")
	})
	mustOpen(t, tun.Config{Name: "tkeep"}).Close() // the descriptor was closed all the same
}

// Who may attach to an interface that is set up in full needs nothing more.
func TestPreparedInterfaceNeedsNoNetAdmin(t *testing.T) {
	needTUN(t)
	makePersistent(t, "tkeep", func(l netlink.Link) error {
		if err := netlink.AddrAdd(l, parseAddr(t, "10.77.0.1/24")); err != nil {
			return err
		}
		return netlink.LinkSetUp(l)
	})
	onThread(func() {
		if err := dropCapability(unix.CAP_NET_ADMIN); err != nil {
			t.Error(err)
			return
		}
		dev, err := tun.Open(tun.Config{Name: "tkeep", Addrs: prefixes("10.77.0.1/24")})
		if err != nil {
			t.Error(err)
			return
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		// What needs a change is refused, in words for this step.
		_, err = tun.Open(tun.Config{Name: "tkeep", Addrs: prefixes("10.77.0.9/24")})
		wantError(t, err, fs.ErrPermission, "add address 10.77.0.9/24", "CAP_NET_ADMIN")
	})
}
