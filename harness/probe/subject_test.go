package probe

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab"
	"lastack/stack"
	"lastack/stack/segment"
	"lastack/tun"

	"golang.org/x/sys/unix"
)

// subject is a host with an app that closes first, and the probe beside it.
type subject struct {
	t     *testing.T
	name  string
	at    netip.AddrPort
	probe *Probe
	// state is of the subject's end: its state, and of TIME_WAIT the time left.
	state func(segment.Tuple) (string, time.Duration)
	set   func(name, value string)
}

const appPort = 8001

// addresses of a family: the kernel's on the link, the subject's, the probe's.
type addresses struct {
	kernel         netip.Prefix
	subject, probe netip.Addr
}

var families = map[string]addresses{
	"IPv4": {netip.MustParsePrefix("10.77.0.1/24"), netip.MustParseAddr("10.77.0.2"), netip.MustParseAddr("10.77.0.9")},
	"IPv6": {netip.MustParsePrefix("fd77::1/64"), netip.MustParseAddr("fd77::2"), netip.MustParseAddr("fd77::9")},
}

// serveApp runs the app on a listener until the test ends.
func serveApp(t *testing.T, l net.Listener) {
	a, err := app.New(app.Spec{Port: appPort, Kind: "server-closes"}, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// lastackSubject is a host on a TUN.
func lastackSubject(t *testing.T, a addresses) *subject {
	dev, err := tun.Open(tun.Config{Name: "probe0", Addrs: []netip.Prefix{a.kernel}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := stack.New(stack.Config{Device: dev, Addrs: []netip.Addr{a.subject}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	l, err := h.Listen("tcp", netip.AddrPortFrom(a.subject, appPort).String())
	if err != nil {
		t.Fatal(err)
	}
	serveApp(t, l)
	s := &subject{t: t, name: "lastack", at: netip.AddrPortFrom(a.subject, appPort)}
	s.state = func(tuple segment.Tuple) (string, time.Duration) {
		for _, k := range h.Sockets() {
			if k.Local == tuple.Src.AddrPort() && k.Remote == tuple.Dst.AddrPort() {
				return k.State, k.TimerLeft
			}
		}
		return "CLOSED", 0
	}
	s.set = func(name, value string) {
		if err := h.Tunables().Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return s.open("probe0", a)
}

// kernelSubject is the kernel of another namespace, across a veth.
func kernelSubject(t *testing.T, a addresses) *subject {
	there, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := there.Close(); err != nil {
			t.Error(err)
		}
	})
	err = lab.Veth(lab.VethConfig{
		A: lab.VethEnd{Name: "probe1", Addrs: []netip.Prefix{a.kernel}},
		B: lab.VethEnd{
			Namespace: there, Name: "peer",
			Addrs: []netip.Prefix{netip.PrefixFrom(a.subject, a.kernel.Bits())},
		},
		NoOffload: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	here, err := net.InterfaceByName("probe1")
	if err != nil {
		t.Fatal(err)
	}
	do := func(f func() error) {
		t.Helper()
		if err := there.Do(f); err != nil {
			t.Fatal(err)
		}
	}
	do(func() error { return Neighbour("peer", a.probe, here.HardwareAddr) })
	var l net.Listener
	do(func() (err error) {
		l, err = net.Listen("tcp", netip.AddrPortFrom(a.subject, appPort).String())
		return err
	})
	serveApp(t, l)
	s := &subject{t: t, name: "kernel", at: netip.AddrPortFrom(a.subject, appPort)}
	s.state = func(tuple segment.Tuple) (state string, left time.Duration) {
		family := unix.AF_INET
		if a.subject.Is6() {
			family = unix.AF_INET6
		}
		do(func() error {
			all, err := lab.Sockets(family)
			state = "CLOSED"
			for _, k := range all {
				if k.Local == tuple.Src.AddrPort() && k.Remote == tuple.Dst.AddrPort() {
					state, left = k.State, k.TimerLeft
				}
			}
			return err
		})
		return state, left
	}
	s.set = func(name, value string) {
		if strings.HasPrefix(name, "net.") {
			do(func() error { return lab.Sysctl(name, value) })
		}
	}
	return s.open("probe1", a)
}

func (s *subject) open(iface string, a addresses) *subject {
	p, err := Open(iface, a.probe)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			s.t.Error(err)
		}
	})
	s.probe = p
	return s
}

// dial opens a connection and has the app answer and close.
func (s *subject) dial(ctx context.Context, port uint16, timestamps bool) *Conn {
	s.t.Helper()
	c := s.probe.Conn(port, s.at)
	c.Timestamps = timestamps
	if err := c.Connect(ctx); err != nil {
		s.t.Fatalf("%s, port %d: %v", s.name, port, err)
	}
	if err := c.Send(c.Next(segment.PSH|segment.ACK), []byte("x")); err != nil {
		s.t.Fatal(err)
	}
	return c
}
