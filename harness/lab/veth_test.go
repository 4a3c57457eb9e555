package lab_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// The topology of these tests:
//
//	current namespace               second namespace
//	veth-a 10.9.0.1/24       <->    veth-b 10.9.0.2/24
//	       fd09::1/64                      fd09::2/64
var (
	nearAddrs = []netip.Prefix{netip.MustParsePrefix("10.9.0.1/24"), netip.MustParsePrefix("fd09::1/64")}
	farAddrs  = []netip.Prefix{netip.MustParsePrefix("10.9.0.2/24"), netip.MustParsePrefix("fd09::2/64")}
)

// newFar builds the topology and returns the second namespace.
func newFar(c lab.VethConfig) (*lab.Namespace, error) {
	far, err := lab.NewNamespace()
	if err != nil {
		return nil, err
	}
	c.A.Addrs, c.B.Addrs, c.B.Namespace = nearAddrs, farAddrs, far
	return far, lab.Veth(c)
}

// tcpOverVeth carries a message there and back over v4 and v6.
func tcpOverVeth() error {
	far, err := newFar(lab.VethConfig{})
	if err != nil {
		return err
	}
	defer far.Close()
	for _, addr := range farAddrs {
		if err := echoOnce(far, addr.Addr()); err != nil {
			return fmt.Errorf("%v: %w", addr, err)
		}
	}
	return nil
}

func echoOnce(far *lab.Namespace, addr netip.Addr) error {
	var l net.Listener
	err := far.Do(func() (err error) {
		l, err = net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
		return err
	})
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		c, err := l.Accept() // on a thread outside: the socket stays where it is
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, c) // the client sees what failed
	}()
	c, err := net.DialTimeout("tcp", l.Addr().String(), watchdog)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "there and back"); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err == nil && string(got) != "there and back" {
		err = fmt.Errorf("echoed %q", got)
	}
	return err
}

func TestVethCarriesTCP(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	if err := tcpOverVeth(); err != nil {
		t.Fatal(err)
	}
}

func TestVethAddressesSkipDAD(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	far, err := newFar(lab.VethConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	link, err := netlink.LinkByName("veth-a")
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V6)
	if err != nil {
		t.Fatal(err)
	}
	found, linkLocal := false, false
	for _, a := range addrs {
		found = found || a.IP.String() == "fd09::1"
		linkLocal = linkLocal || a.IP.IsLinkLocalUnicast()
		if a.Flags&unix.IFA_F_TENTATIVE != 0 {
			t.Errorf("%s has flags %#x: duplicate address detection delays it", a.IP, a.Flags)
		}
	}
	if !found || !linkLocal {
		t.Errorf("fd09::1 and a link-local address are not both among %v", addrs)
	}
}

func TestVethMTUAndNames(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	far, err := newFar(lab.VethConfig{A: lab.VethEnd{Name: "near"}, B: lab.VethEnd{Name: "far"}, MTU: 1400})
	if err != nil {
		t.Fatal(err)
	}
	mtu := func(name string) {
		link, err := netlink.LinkByName(name)
		if err != nil {
			t.Error(err)
		} else if got := link.Attrs().MTU; got != 1400 {
			t.Errorf("MTU of %s is %d, want 1400", name, got)
		}
	}
	mtu("near")
	if err := far.Do(func() error { mtu("far"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := lab.Veth(lab.VethConfig{A: lab.VethEnd{Name: "near"}}); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a second interface named near: %v, want an error that wraps EEXIST", err)
	}
	// The pair goes with either namespace.
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(watchdog); ; {
		_, err := netlink.LinkByName("near")
		if errors.As(err, new(netlink.LinkNotFoundError)) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the near end outlives the far namespace: %v", err)
		}
	}
}

// TestVethRollsBack: an address that cannot be given leaves no half-made pair.
func TestVethRollsBack(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	bad := netip.PrefixFrom(netip.MustParseAddr("fd09::1"), 64)
	err := lab.Veth(lab.VethConfig{A: lab.VethEnd{Addrs: []netip.Prefix{bad}}, MTU: 1000}) // too small for IPv6
	if err == nil {
		t.Fatal("an IPv6 address on a link with an MTU of 1000 was accepted")
	}
	if _, err := netlink.LinkByName("veth-a"); !errors.As(err, new(netlink.LinkNotFoundError)) {
		t.Errorf("veth-a after the failure: %v, want that there is none", err)
	}
}

// TestVethNoOffload looks at what passes: no frame longer than the MTU, no
// TCP segment whose checksum was left to hardware that is not there.
func TestVethNoOffload(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	far, err := newFar(lab.VethConfig{NoOffload: true})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	frames := packetSocket(t, "veth-a")
	var l net.Listener
	if err := far.Do(func() (err error) {
		l, err = net.Listen("tcp", "10.9.0.2:0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write(make([]byte, 200_000)) // the reader counts
			c.Close()
		}
	}()
	c, err := net.DialTimeout("tcp", l.Addr().String(), watchdog)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, c); n != 200_000 || err != nil {
		t.Fatalf("received %d bytes: %v", n, err)
	}
	c.Close()
	checkFrames(t, frames)
}

func packetSocket(t *testing.T, name string) int {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	ip := int(htons(unix.ETH_P_IP))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
		// SO_RCVBUFFORCE needs the machine's root; the default holds enough to see.
		t.Log("keeping the default receive buffer:", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(ip), Ifindex: link.Attrs().Index}); err != nil {
		t.Fatal(err)
	}
	return fd
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

func checkFrames(t *testing.T, fd int) {
	t.Helper()
	seen, full := 0, 0
	for buf := make([]byte, 1<<16); ; seen++ {
		n, _, err := unix.Recvfrom(fd, buf, unix.MSG_TRUNC)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n > 1500 {
			t.Fatalf("an IP packet of %d bytes on a link with an MTU of 1500", n)
		}
		if n == 1500 {
			full++
		}
		if buf[9] == unix.IPPROTO_TCP && tcpSum(buf[:n]) != 0xffff {
			t.Fatalf("packet %d has a wrong TCP checksum", seen)
		}
	}
	if full < 20 {
		t.Errorf("saw %d packets, %d of them full: too few to judge", seen, full)
	}
}

// tcpSum is the ones' complement sum over pseudo-header and segment of an IPv4
// packet, 0xffff if the checksum is right (RFC 9293 3.1).
func tcpSum(p []byte) uint16 {
	header := int(p[0]&0xf) * 4
	sum := uint32(unix.IPPROTO_TCP) + uint32(len(p)-header)
	add := func(b []byte) {
		for i, v := range b {
			sum += uint32(v) << (8 * (1 - i%2))
		}
	}
	add(p[12:20])
	add(p[header:])
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

func TestLoopbackIsUp(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	far, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		listen := func() error {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				return err
			}
			defer l.Close()
			ctx, cancel := context.WithTimeout(t.Context(), watchdog)
			defer cancel()
			c, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
			if err != nil {
				return err
			}
			return c.Close()
		}
		if err := listen(); err != nil {
			t.Errorf("in the lab: %v", err)
		}
		if err := far.Do(listen); err != nil {
			t.Errorf("in a new namespace: %v", err)
		}
	}
}
