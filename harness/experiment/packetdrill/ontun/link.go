package ontun

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/lab"
	"lastack/tun"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Device is the name of the interface; shell commands of scripts know it.
const Device = "tun0"

// link is the TUN of a subject, seen from outside of it.
type link struct {
	tap   int // the packet socket
	index int
	mtu   int
	since time.Time
	// kernel: the subject is the namespace's kernel, and file the TUN's other end, which
	// packets are injected by. Otherwise the program has that end, and packets are injected
	// by the packet socket.
	kernel bool
	file   *os.File
	buffer [maxPacket]byte
}

// openLink makes the TUN in the namespace. Of a program's, lent is the end that is its own.
func openLink(ns *lab.Namespace, a *packetdrill.Addresses, kernel bool, since time.Time) (l *link, lent *os.File, err error) {
	l = &link{tap: -1, mtu: a.MTU, since: since, kernel: kernel}
	cfg := tun.Config{Name: Device, MTU: a.MTU}
	if kernel {
		cfg.Addrs = []netip.Prefix{netip.PrefixFrom(a.Local4, 32), netip.PrefixFrom(a.Local6, 128)}
	}
	err = ns.Do(func() (err error) {
		if lent, err = tun.Lend(cfg, tun.Layer3); err != nil {
			return err
		}
		if l.index, err = l.prepare(); err != nil {
			return err
		}
		l.tap, err = openTap(l.index)
		return err
	})
	if err == nil && kernel {
		err = l.drain(lent)
		lent = nil
	}
	if err != nil {
		if lent != nil {
			err = errors.Join(err, lent.Close())
		}
		return nil, nil, errors.Join(err, l.close())
	}
	return l, lent, nil
}

// prepare sends everything to the TUN if the kernel is the subject, and keeps the kernel
// silent there if not.
func (l *link) prepare() (index int, err error) {
	made, err := netlink.LinkByName(Device)
	if err != nil {
		return 0, err
	}
	index = made.Attrs().Index
	if !l.kernel {
		return index, nil
	}
	for _, to := range []string{"0.0.0.0/0", "::/0"} {
		_, all, err := net.ParseCIDR(to)
		if err != nil {
			return 0, err
		}
		route := &netlink.Route{LinkIndex: index, Scope: netlink.SCOPE_LINK, Dst: all}
		if err := netlink.RouteReplace(route); err != nil {
			return 0, fmt.Errorf("a route to %s by %s: %w", to, Device, err)
		}
	}
	// A script is written for the classic algorithm, and a namespace begins with the machine's.
	_, err = lab.CongestionControl("cubic", "reno")
	return index, err
}

// tapBuffer is how much may wait in the packet socket, in bytes.
const tapBuffer = 8 << 20

// openTap makes a packet socket in the calling thread's namespace.
func openTap(index int) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket(AF_PACKET)", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, tapBuffer)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1); err != nil {
		return -1, errors.Join(os.NewSyscallError("setsockopt(SO_TIMESTAMPNS)", err), unix.Close(fd))
	}
	at := &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: index}
	if err := unix.Bind(fd, at); err != nil {
		return -1, errors.Join(os.NewSyscallError("bind", err), unix.Close(fd))
	}
	return fd, nil
}

func bigEndian(n uint16) uint16 { return n<<8 | n>>8 }

// drain takes the kernel's end of the TUN over: nobody wants what is read there, as the
// packet socket has it, but a TUN whose queue is full stops.
func (l *link) drain(lent *os.File) error {
	fd, err := unix.FcntlInt(lent.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err = errors.Join(err, lent.Close()); err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	l.file = os.NewFile(uintptr(fd), Device)
	go func() {
		b := make([]byte, maxPacket)
		for {
			if _, err := l.file.Read(b); err != nil {
				return
			}
		}
	}()
	return nil
}

const maxPacket = 1<<16 - 1

// inject gives the subject a packet.
func (l *link) inject(p []byte) error {
	if l.kernel {
		_, err := l.file.Write(p)
		return err
	}
	to := &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_IP), Ifindex: l.index}
	if p[0]>>4 == 6 {
		to.Protocol = bigEndian(unix.ETH_P_IPV6)
	}
	for _, part := range packet.Cut(p, l.mtu) {
		if err := unix.Sendto(l.tap, part, 0, to); err != nil {
			return os.NewSyscallError("sendto("+Device+")", err)
		}
	}
	return nil
}

// slice is how long the link waits before it looks whether the context has ended.
const slice = 20 * time.Millisecond

// next is the next packet of the subject's, or ErrQuiet.
func (l *link) next(ctx context.Context, until time.Duration) (packetdrill.Packet, error) {
	for {
		p, ok, err := l.receive()
		if err != nil || ok {
			return p, err
		}
		left := until - time.Since(l.since)
		switch {
		case left <= 0:
			return packetdrill.Packet{}, packetdrill.ErrQuiet
		case ctx.Err() != nil:
			return packetdrill.Packet{}, context.Cause(ctx)
		}
		wait := unix.NsecToTimespec(int64(min(left, slice)))
		_, err = unix.Ppoll([]unix.PollFd{{Fd: int32(l.tap), Events: unix.POLLIN}}, &wait, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return packetdrill.Packet{}, os.NewSyscallError("ppoll", err)
		}
	}
}

// receive takes a packet of the subject's from the packet socket; false if there is none.
func (l *link) receive() (packetdrill.Packet, bool, error) {
	b, control := l.buffer[:], make([]byte, 64)
	for {
		n, nc, _, from, err := unix.Recvmsg(l.tap, b, control, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return packetdrill.Packet{}, false, l.losses()
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return packetdrill.Packet{}, false, os.NewSyscallError("recvmsg("+Device+")", err)
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if !ok || (ll.Pkttype == unix.PACKET_OUTGOING) != l.kernel || !packet.Wanted(b[:n]) {
			continue
		}
		return packetdrill.Packet{At: l.stamped(control[:nc]), Data: append([]byte(nil), b[:n]...)}, true, nil
	}
}

// stamped is when a packet went, by the kernel's clock, in the subject's time.
func (l *link) stamped(control []byte) time.Duration {
	now := time.Now()
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return now.Sub(l.since)
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS_NEW && len(m.Data) >= 16 {
			ne := binary.NativeEndian // struct __kernel_timespec, on every machine
			at := time.Unix(int64(ne.Uint64(m.Data)), int64(ne.Uint64(m.Data[8:])))
			return now.Sub(l.since) - max(now.Sub(at), 0)
		}
	}
	return now.Sub(l.since)
}

// losses fails if the packet socket had no room for a packet.
func (l *link) losses() error {
	s, err := unix.GetsockoptTpacketStats(l.tap, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return os.NewSyscallError("getsockopt(PACKET_STATISTICS)", err)
	}
	if s.Drops > 0 {
		return fmt.Errorf("%d packets were lost on their way to the runner: the subject sent too many at once", s.Drops)
	}
	return nil
}

func (l *link) close() error {
	var err error
	if l.file != nil {
		err = l.file.Close()
	}
	if l.tap >= 0 {
		err = errors.Join(err, unix.Close(l.tap))
	}
	return err
}
