package tun_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lastack/tun"
	"lastack/tun/tuntest"
)

// packetSocket is the kernel's side of an interface: what is written to it
// leaves the kernel by the interface, and it reads what arrives there.
func packetSocket(tb testing.TB, name string) *os.File {
	tb.Helper()
	const protocols = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	must(tb, err)
	f := os.NewFile(uintptr(fd), "packet socket")
	must(tb, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20))
	must(tb, unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1))
	must(tb, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocols, Ifindex: linkOf(tb, name).Attrs().Index}))
	return f
}

func TestKernelDeviceContract(t *testing.T) {
	needTUN(t)
	for _, mtu := range []int{0, tun.MinMTU6, tun.MaxMTU} {
		tuntest.Contract(t, func(t *testing.T) (tun.Device, io.ReadWriteCloser) {
			dev := mustOpen(t, tun.Config{MTU: mtu})
			return dev, packetSocket(t, dev.Name())
		})
	}
}

// The kernel's own IP and UDP take what is written, and what they send is read.
func TestKernelSockets(t *testing.T) {
	for name, c := range map[string]struct{ prefix, peer string }{
		"v4": {"10.77.0.1/24", "10.77.0.2:7"},
		"v6": {"fd77::1/64", "[fd77::2]:7"},
	} {
		t.Run(name, func(t *testing.T) {
			needTUN(t)
			exchange(t, mustOpen(t, tun.Config{Addrs: prefixes(c.prefix)}), c.prefix, c.peer)
		})
		t.Run(name+" borrowed", func(t *testing.T) {
			needTUN(t)
			makePersistent(t, "tkeep", func(l netlink.Link) error { return netlink.LinkSetUp(l) })
			exchange(t, mustOpen(t, tun.Config{Name: "tkeep", Addrs: prefixes(c.prefix)}), c.prefix, c.peer)
		})
	}
}

func exchange(t *testing.T, dev tun.Device, prefix, peer string) {
	t.Helper()
	remote := netip.MustParseAddrPort(peer)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: netip.MustParsePrefix(prefix).Addr().AsSlice()})
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(soon()))
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()

	_, err = conn.WriteToUDPAddrPort([]byte("to the program"), remote)
	must(t, err)
	readUDP(t, dev, local, remote, "to the program")

	p, err := tuntest.UDP(remote, local, []byte("to the kernel"))
	must(t, err)
	if n, err := dev.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
	buf := make([]byte, 100)
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != "to the kernel" || from != remote {
		t.Errorf("the kernel received %q from %v, %v", buf[:n], from, err)
	}
}

// The kernel acknowledges an IPv6 address before it takes packets to it, so the
// first packet comes as soon as can be, often enough to come too soon.
func TestAddressesWorkAtOnce(t *testing.T) {
	needTUN(t)
	for _, c := range []struct{ any, prefix, peer string }{
		{"0.0.0.0:0", "10.77.0.1/24", "10.77.0.2:7"},
		{"[::]:0", "fd77::1/64", "[fd77::2]:7"},
	} {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.any)))
		must(t, err)
		defer conn.Close()
		port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		local := netip.AddrPortFrom(netip.MustParsePrefix(c.prefix).Addr(), port)
		p, err := tuntest.UDP(netip.MustParseAddrPort(c.peer), local, []byte("first"))
		must(t, err)
		for i := range 25 {
			must(t, conn.SetDeadline(soon()))
			dev := mustOpen(t, tun.Config{Addrs: prefixes(c.prefix)})
			if _, err := dev.Write(p); err != nil {
				t.Fatal(err)
			}
			if _, _, err := conn.ReadFromUDPAddrPort(make([]byte, 100)); err != nil {
				t.Fatalf("the first packet of interface %d did not arrive: %v", i, err)
			}
			must(t, dev.Close())
		}
	}
}

// readUDP reads until the datagram comes; the kernel sends others of its own.
func readUDP(t *testing.T, dev tun.Device, src, dst netip.AddrPort, payload string) {
	t.Helper()
	watchdog := time.AfterFunc(time.Until(soon()), func() { dev.Close() })
	defer watchdog.Stop()
	want, err := tuntest.UDP(src, dst, []byte(payload))
	must(t, err)
	buf := make([]byte, dev.MTU())
	for {
		n, err := dev.Read(buf)
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		// The kernel chooses the IP header's identification and flow label,
		// and leaves the UDP checksum of IPv6 to its sum.
		h := tuntest.HeaderLen(src.Addr()) - 8
		if n == len(want) && bytes.Equal(buf[h:n], want[h:]) {
			if !bytes.Contains(buf[:h], append(src.Addr().AsSlice(), dst.Addr().AsSlice()...)) {
				t.Errorf("the datagram came with other addresses: % x", buf[:h])
			}
			return
		}
	}
}

func TestInterfaceDown(t *testing.T) {
	needTUN(t)
	dev := mustOpen(t, tun.Config{})
	must(t, netlink.LinkSetDown(linkOf(t, dev.Name())))
	_, err := dev.Write([]byte{0x45, 0, 0, 20})
	wantError(t, err, syscall.EIO, "write", "down")
}

// Deleting the interface ends a waiting Read and later calls, with an error
// that is not that of Close.
func TestInterfaceDeleted(t *testing.T) {
	needTUN(t)
	dev := mustOpen(t, tun.Config{})
	errs := make(chan error)
	go func() {
		buf := make([]byte, dev.MTU())
		for {
			if _, err := dev.Read(buf); err != nil {
				errs <- err
				return
			}
		}
	}()
	must(t, netlink.LinkDel(linkOf(t, dev.Name())))
	select {
	case err := <-errs:
		wantGone(t, err)
	case <-time.After(time.Until(soon())):
		t.Error("Read still waits after the interface was deleted")
		dev.Close()
		<-errs
	}
	_, err := dev.Write([]byte{0x45, 0, 0, 20})
	wantGone(t, err)
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
}

func wantGone(t *testing.T, err error) {
	t.Helper()
	if is := errors.Is(err, unix.EIO); is {
		wantError(t, err, unix.EIO, "deleted")
		return
	}
	wantError(t, err, unix.EBADFD, "deleted")
}
