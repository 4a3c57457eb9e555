package tun_test

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lastack/tun"
)

// Open acts where its thread is, and Close where Open did.
func TestOpenInTheThreadsNamespace(t *testing.T) {
	needTUN(t)
	var dev tun.Device
	onThread(func() {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			return
		}
		// The namespace lives on by the descriptor in dev alone.
		var err error
		if dev, err = tun.Open(tun.Config{Name: "tthread", Addrs: prefixes("10.77.0.1/24", "fd77::1/64")}); err != nil {
			t.Error(err)
			return
		}
		if got := addrsOf(t, "tthread"); len(got) != 2 {
			t.Errorf("addresses are %v", got)
		}
	})
	if dev == nil {
		return
	}
	if _, err := netlink.LinkByName("tthread"); err == nil {
		t.Error("the interface is in the wrong namespace")
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
}

func TestGiveBackFromAnotherNamespace(t *testing.T) {
	needTUN(t)
	makeTUN(t, "tkeep", unix.IFF_VNET_HDR, nil)
	before := snapshot(t, "tkeep")
	dev := mustOpen(t, tun.Config{Name: "tkeep", MTU: 1400, Addrs: prefixes("10.77.0.1/24", "fd77::1/64")})
	onThread(func() {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	if after := snapshot(t, "tkeep"); after != before {
		t.Errorf("after Close:\n%s\nbefore Open:\n%s", after, before)
	}
}
