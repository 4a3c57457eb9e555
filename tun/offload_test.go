package tun_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"lastack/tun"
	"lastack/tun/tuntest"
	"lastack/tun/vnet"
)

func TestOffloadContract(t *testing.T) {
	needTUN(t)
	for _, mtu := range []int{0, tun.MaxMTU} {
		tuntest.Contract(t, func(t *testing.T) (tun.Device, io.ReadWriteCloser) {
			dev := mustOpen(t, tun.Config{MTU: mtu, Offload: true})
			return dev, packetSocket(t, dev.Name())
		})
		tuntest.OffloadContract(t, func(t *testing.T) (tun.OffloadDevice, io.ReadWriteCloser) {
			dev := mustOpen(t, tun.Config{MTU: mtu, Offload: true})
			return dev.(tun.OffloadDevice), packetSocket(t, dev.Name())
		})
	}
}

// The kernel's own checksums are left undone; Read completes them.
func TestOffloadKernelSockets(t *testing.T) {
	for name, c := range map[string]struct{ prefix, peer string }{
		"v4": {"10.77.0.1/24", "10.77.0.2:7"},
		"v6": {"fd77::1/64", "[fd77::2]:7"},
	} {
		cfg := tun.Config{Addrs: prefixes(c.prefix), Offload: true}
		t.Run(name, func(t *testing.T) {
			needTUN(t)
			exchange(t, mustOpen(t, cfg), c.prefix, c.peer)
		})
		t.Run(name+" borrowed", func(t *testing.T) {
			needTUN(t)
			makePersistent(t, "tkeep", func(l netlink.Link) error { return netlink.LinkSetUp(l) })
			borrowed := cfg
			borrowed.Name = "tkeep"
			exchange(t, mustOpen(t, borrowed), c.prefix, c.peer)
		})
		t.Run(name+" unfinished", func(t *testing.T) {
			needTUN(t)
			exchangeUnfinished(t, mustOpen(t, cfg).(tun.OffloadDevice), c.prefix, c.peer)
		})
	}
}

// exchangeUnfinished sends a datagram each way whose checksum is not complete.
func exchangeUnfinished(t *testing.T, dev tun.OffloadDevice, prefix, peer string) {
	t.Helper()
	remote := netip.MustParseAddrPort(peer)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: netip.MustParsePrefix(prefix).Addr().AsSlice()})
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(soon()))
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()

	_, err = conn.WriteToUDPAddrPort([]byte("to the program"), remote)
	must(t, err)
	h, p := readUnfinished(t, dev, local, remote, len("to the program"))
	start := tuntest.HeaderLen(local.Addr()) - 8
	if !h.NeedsChecksum || int(h.ChecksumStart) != start || h.ChecksumOffset != 6 || h.GSO != vnet.Whole {
		t.Errorf("the kernel's datagram came with %+v", h)
	}
	want, err := tuntest.UDP(local, remote, []byte("to the program"))
	must(t, err)
	h.Complete(p)
	if got, want := binary.BigEndian.Uint16(p[start+6:]), binary.BigEndian.Uint16(want[start+6:]); got != want {
		t.Errorf("completed, its checksum is %#x, want %#x", got, want)
	}

	p, err = tuntest.UDP(remote, local, []byte("to the kernel"))
	must(t, err)
	p[start+6], p[start+7] = 0xab, 0xcd // the kernel is not to look at it
	back := vnet.Header{NeedsChecksum: true, ChecksumStart: uint16(start), ChecksumOffset: 6}
	if n, err := dev.WriteOffload(&back, [][]byte{p[:10], p[10:]}); n != len(p) || err != nil {
		t.Fatalf("WriteOffload: %d, %v", n, err)
	}
	buf := make([]byte, 100)
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != "to the kernel" || from != remote {
		t.Errorf("the kernel received %q from %v, %v", buf[:n], from, err)
	}
}

// readUnfinished reads until the datagram comes; the kernel sends others of its own.
func readUnfinished(t *testing.T, dev tun.OffloadDevice, src, dst netip.AddrPort, payload int) (vnet.Header, []byte) {
	t.Helper()
	buf := make([]byte, tun.MaxMTU)
	at := tuntest.HeaderLen(src.Addr()) - 8
	for {
		var h vnet.Header
		n, err := dev.ReadOffload(&h, buf)
		if err != nil {
			t.Fatalf("ReadOffload: %v", err)
		}
		if n == at+8+payload && binary.BigEndian.Uint16(buf[at:]) == src.Port() && binary.BigEndian.Uint16(buf[at+2:]) == dst.Port() {
			return h, buf[:n]
		}
	}
}

func TestOffloadRefusedWithout(t *testing.T) {
	needTUN(t)
	dev := mustOpen(t, tun.Config{}).(tun.OffloadDevice)
	p, err := tuntest.UDP(netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2"), []byte("x"))
	must(t, err)
	_, err = dev.WriteOffload(&vnet.Header{NeedsChecksum: true}, [][]byte{p})
	wantError(t, err, syscall.EINVAL, "write", "Config.Offload")
	if n, err := dev.WriteOffload(&vnet.Header{}, [][]byte{p[:20], p[20:]}); n != len(p) || err != nil {
		t.Errorf("WriteOffload of a finished packet: %d, %v", n, err)
	}
	if _, err := dev.WriteOffload(&vnet.Header{}, [][]byte{p, make([]byte, 1500)}); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("WriteOffload beyond the MTU: %v, want EMSGSIZE", err)
	}
}
