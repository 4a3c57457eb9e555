package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"lastack/harness/capture"
	"lastack/tun"

	"golang.org/x/sys/unix"
)

// The kernel's addresses on the TUN, and an address behind it in the same
// prefix: documentation's (RFC 5737, RFC 3849), and the namespace is empty anyway.
var (
	kernel4 = netip.MustParsePrefix("192.0.2.1/24")
	kernel6 = netip.MustParsePrefix("2001:db8::1/64")
	far4    = netip.MustParseAddr("192.0.2.2")
	far6    = netip.MustParseAddr("2001:db8::2")
)

// message is what the trials send.
const message = "lastack doctor"

// tunDevice has a packet cross a TUN device in both directions, for each
// version of IP.
func tunDevice(ctx context.Context) finding {
	dev, six, f := openTUN()
	if dev == nil {
		return f
	}
	defer dev.Close()
	if err := echo(ctx, dev, kernel4.Addr(), far4); err != nil {
		return fails("it opens, but no IPv4 packet passes: "+err.Error(), reportIt)
	}
	if !six {
		return f
	}
	if err := echo(ctx, dev, kernel6.Addr(), far6); err != nil {
		return finding{Limited, "IPv4 packets pass; IPv6 packets do not: " + err.Error(), reportIt}
	}
	return works("IPv4 and IPv6 packets pass in both directions")
}

// openTUN opens one with IPv4 and, if the kernel has that, IPv6. The finding
// holds where the device is nil, or six is false.
func openTUN() (dev tun.Device, six bool, f finding) {
	dev, err := tun.Open(tun.Config{Addrs: []netip.Prefix{kernel4, kernel6}})
	if err == nil {
		return dev, true, f
	}
	off := err
	if errors.Is(err, tun.ErrIPv6Disabled) {
		if dev, err = tun.Open(tun.Config{Addrs: []netip.Prefix{kernel4}}); err == nil {
			f = tunFinding(off)
			return dev, false, finding{Limited, "IPv4 packets pass in both directions; " + f.detail, f.fix}
		}
	}
	return nil, false, tunFinding(err)
}

// tunFinding separates what package tun saw from its advice.
func tunFinding(err error) finding {
	var e *tun.Error
	if !errors.As(err, &e) {
		return fails(err.Error(), reportIt)
	}
	return fails(fmt.Sprintf("%s: %v", e.Op, e.Err), e.Hint)
}

// echo sends a datagram from a kernel socket through the TUN, turns it round, and
// waits for it at the same socket.
func echo(ctx context.Context, dev tun.Device, kernel, far netip.Addr) error {
	// Closing the device is what ends a Read that waits.
	stop := context.AfterFunc(ctx, func() { dev.Close() })
	defer stop()
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(kernel, 0)),
		net.UDPAddrFromAddrPort(netip.AddrPortFrom(far, 7)))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := setDeadline(ctx, conn); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(message)); err != nil {
		return because(ctx, err)
	}
	buf := make([]byte, dev.MTU())
	for {
		n, err := dev.Read(buf)
		if err != nil {
			return because(ctx, err)
		}
		// The kernel says things of its own on a new interface.
		if turnRound(buf[:n], kernel) {
			if _, err := dev.Write(buf[:n]); err != nil {
				return err
			}
			break
		}
	}
	return receive(ctx, conn)
}

// turnRound makes the answer of a datagram from kernel with the message in it: it
// swaps addresses and ports, which leaves the checksums right. Other packets it
// leaves alone and reports false.
func turnRound(p []byte, kernel netip.Addr) bool {
	if !bytes.HasSuffix(p, []byte(message)) || len(p) < 28 {
		return false
	}
	addrs, size, ports, proto := 12, 4, int(p[0]&15)*4, p[9]
	if p[0]>>4 == 6 {
		addrs, size, ports, proto = 8, 16, 40, p[6]
	}
	if proto != unix.IPPROTO_UDP || ports+8+len(message) != len(p) ||
		!bytes.Equal(p[addrs:addrs+size], kernel.AsSlice()) {
		return false
	}
	swap(p[addrs:addrs+size], p[addrs+size:addrs+2*size])
	swap(p[ports:ports+2], p[ports+2:ports+4])
	return true
}

func swap(a, b []byte) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

// packetSocket records a datagram's way through a TUN, or without one over loopback.
func packetSocket(ctx context.Context) finding {
	dev, _, _ := openTUN()
	if dev == nil {
		return record(ctx, "lo", func() error { return toMyself(ctx, "127.0.0.1") })
	}
	defer dev.Close()
	return record(ctx, dev.Name(), func() error { return echo(ctx, dev, kernel4.Addr(), far4) })
}

// record expects the message in both directions while traffic runs.
func record(ctx context.Context, iface string, traffic func() error) finding {
	live, err := capture.OpenLive(iface, capture.LiveConfig{Buffer: 1 << 20})
	if err != nil {
		fix := "load the driver with sudo modprobe af_packet; in a container, start that with --cap-add NET_RAW"
		return fails(err.Error(), fix)
	}
	defer live.Close()
	if err := traffic(); err != nil {
		return fails("nothing to record on "+iface+": "+err.Error(), reportIt)
	}
	if err := live.Stop(); err != nil {
		return fails(err.Error(), reportIt)
	}
	packets, err := capture.ReadAll(live)
	if err != nil {
		return fails(err.Error(), reportIt)
	}
	seen := map[capture.Direction]bool{}
	for _, p := range packets {
		if strings.HasSuffix(string(p.Data), message) {
			seen[p.Direction] = true
		}
	}
	if !seen[capture.Incoming] || !seen[capture.Outgoing] {
		return fails(fmt.Sprintf("the socket opens on %s but misses packets (in: %v, out: %v)",
			iface, seen[capture.Incoming], seen[capture.Outgoing]), reportIt)
	}
	return works("records %s in both directions", iface)
}
