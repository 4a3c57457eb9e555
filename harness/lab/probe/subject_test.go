package probe

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab/wire"
	"lastack/stack/segment"
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

// lastackSubject is a host on a TUN.
func lastackSubject(t *testing.T, a addresses) *subject {
	return raise(t, "lastack", "probe0", wire.Lastack{}, a)
}

// kernelSubject is the kernel of another namespace, across a veth.
func kernelSubject(t *testing.T, a addresses) *subject {
	return raise(t, "kernel", "probe1", wire.Kernel{}, a)
}

func raise(t *testing.T, name, link string, of wire.Subject, a addresses) *subject {
	w, err := wire.Raise(t.Context(), wire.Config{
		Subject: of, Link: link, FarLink: "peer", NearAddr: a.kernel, FarAddr: a.subject,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.Serve(w.Far, app.Spec{Port: appPort, Kind: "server-closes"}); err != nil {
		t.Fatal(err)
	}
	far := w.Far.(wire.Side)
	here, err := net.InterfaceByName(link)
	if err != nil {
		t.Fatal(err)
	}
	if at := here.HardwareAddr; len(at) > 0 { // a veth; a TUN needs no neighbours
		if err := far.Do(func() error { return Neighbour("peer", a.probe, at) }); err != nil {
			t.Fatal(err)
		}
	}
	s := &subject{t: t, name: name, at: netip.AddrPortFrom(a.subject, appPort)}
	s.state = func(tuple segment.Tuple) (string, time.Duration) {
		all, err := far.Sockets()
		if err != nil {
			t.Fatal(err)
		}
		state, left := "CLOSED", time.Duration(0)
		for _, k := range all {
			if k.Local == tuple.Src.AddrPort() && k.Remote == tuple.Dst.AddrPort() {
				state, left = k.State, k.TimerLeft()
			}
		}
		return state, left
	}
	s.set = func(name, value string) {
		if err := far.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return s.open(link, a)
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
