package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/forward"
	"lastack/stack/link"

	"golang.org/x/sys/unix"
)

// Kernel is the kernel of a network namespace of its own as a subject. The zero
// value works.
type Kernel struct {
	// KeepAlive is that of the connections that are accepted, as in
	// net.ListenConfig: 0 is 15 s, less than 0 never sends probes.
	KeepAlive time.Duration
}

// Raise implements Subject.
func (k Kernel) Raise(w *Wire) (Server, error) {
	c := &w.Config
	ns, err := lab.NewNamespace()
	if err != nil {
		return nil, err
	}
	w.AtEnd(ns.Close)
	side := &kernel{ns: ns, at: c.FarAddr, keepAlive: k.KeepAlive}
	name, addr := c.FarLink, netip.PrefixFrom(c.FarAddr, c.NearAddr.Bits())
	if name == "" {
		name = c.Link
	}
	if c.Join == nil && (len(c.Impairments) > 0 || c.Tap != nil) {
		c.Join = w.forward
	}
	if c.Join == nil {
		return side, lab.Veth(lab.VethConfig{
			A:         lab.VethEnd{Namespace: w.near, Name: c.Link, Addrs: []netip.Prefix{c.NearAddr}},
			B:         lab.VethEnd{Namespace: ns, Name: name, Addrs: []netip.Prefix{addr}},
			MTU:       c.MTU,
			NoOffload: !c.Offload,
		})
	}
	near, err := w.open(w.near, c.Link, c.NearAddr)
	if err != nil {
		return nil, err
	}
	far, err := w.open(ns, name, addr)
	if err != nil {
		return nil, errors.Join(err, near.Close())
	}
	return side, w.join(near, far)
}

// forward joins two kernels by lastack's close path, which impairs and taps.
func (w *Wire) forward(near, far link.Device) (io.Closer, error) {
	c := &w.Config
	return forward.New(forward.Config{Host: far, Peer: near, Impairments: c.Impairments, Seed: c.Seed, Tap: c.Tap})
}

// kernel is the side of a network namespace.
type kernel struct {
	ns        *lab.Namespace // nil is the current one
	at        netip.Addr
	keepAlive time.Duration
}

func (k *kernel) Addr() netip.Addr        { return k.at }
func (k *kernel) Do(f func() error) error { return within(k.ns, f) }
func (k *kernel) Set(name, value string) error {
	return k.Do(func() error { return lab.Sysctl(name, value) })
}

// Listen has no MPTCP, which Go's listeners offer by default: the subject is TCP.
func (k *kernel) Listen(port uint16) (l net.Listener, err error) {
	lc := net.ListenConfig{KeepAlive: k.keepAlive}
	lc.SetMultipathTCP(false)
	err = k.Do(func() error {
		l, err = lc.Listen(context.Background(), "tcp", netip.AddrPortFrom(k.at, port).String())
		return err
	})
	return l, err
}

// Dial makes its socket on the calling thread, which Do has put into the namespace.
func (k *kernel) Dial(ctx context.Context, to netip.AddrPort, from uint16, data []byte) (Conn, error) {
	var d net.Dialer
	if len(data) > 0 {
		d.Control = fastOpenConnect
	}
	if from != 0 {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(k.at, from))
	}
	c, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	if len(data) > 0 {
		_, err = c.Write(data)
	}
	return c.(*net.TCPConn), err
}

// fastOpenConnect makes connect() wait for the data that come next, so that they
// travel in the SYN, if the kernel has a cookie of the server's.
func fastOpenConnect(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1)
	})
	return errors.Join(err, os.NewSyscallError("setsockopt TCP_FASTOPEN_CONNECT", failed))
}

func (k *kernel) State(local, remote netip.AddrPort) (state string, err error) {
	err = k.Do(func() error {
		found, err := lab.FindSocket(local, remote)
		state = found.State
		return err
	})
	if errors.Is(err, lab.ErrNoSocket) {
		return "CLOSED", nil
	}
	return state, err
}

// Sockets are those of the address's family.
func (k *kernel) Sockets() (all []lab.Socket, err error) {
	family := unix.AF_INET
	if k.at.Is6() {
		family = unix.AF_INET6
	}
	err = k.Do(func() error {
		all, err = lab.Sockets(family)
		return err
	})
	return all, err
}

func (k *kernel) Count() (timeWait, live int, err error) {
	all, err := k.Sockets()
	for i := range all {
		switch {
		case all[i].State == "TIME_WAIT":
			timeWait++
		case all[i].Live():
			live++
		}
	}
	return timeWait, live, err
}
