package closepath

import (
	"context"
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// plainStack is a netstack as an adopter of this package has one, which knows nothing of
// it: no ports or connections of our own, nothing but a wrapped link endpoint.
func plainStack(t *testing.T, clock tcpip.Clock, link netstack.LinkEndpoint, addr byte) *netstack.Stack {
	t.Helper()
	s := netstack.New(netstack.Options{
		Clock: clock, NetworkProtocols: []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
	t.Cleanup(func() { s.Close(); s.Wait() })
	moment := tcpip.TCPTimeWaitTimeoutOption(3 * time.Millisecond)
	_ = s.SetTransportProtocolOption(tcp.ProtocolNumber, &moment)
	if err := s.CreateNIC(1, link); err != nil {
		t.Fatal(err)
	}
	_ = s.AddProtocolAddress(1, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom4([4]byte{10, 0, 0, addr}).WithPrefix(),
	}, netstack.AddressProperties{})
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return s
}

// cable carries packets from one channel to the other until the test ends.
func cable(t *testing.T, from, to *channel.Endpoint) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		for pkt := from.ReadContext(ctx); pkt != nil; pkt = from.ReadContext(ctx) {
			in := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: pkt.ToBuffer()})
			to.InjectInbound(pkt.NetworkProtocolNumber, in)
			pkt.DecRef()
			in.DecRef()
		}
	}()
}

// TestAdopterKeepsItsPorts: on a netstack whose ports are its own, the only ephemeral port
// is refused while its last connection is in TIME_WAIT, and given a second later where
// net.ipv4.tcp_tw_reuse is 1.
func TestAdopterKeepsItsPorts(t *testing.T) {
	a, b := channel.New(512, 1500, ""), channel.New(512, 1500, "")
	clock, set := faketime.NewManualClock(), tunable.NewSet()
	var host *netstack.Stack
	endpoint := func(id netstack.TransportEndpointID) (*tcp.Endpoint, bool) {
		ep, ok := host.FindTransportEndpoint(ipv4.ProtocolNumber, tcp.ProtocolNumber, id, 1).(*tcp.Endpoint)
		return ep, ok
	}
	path := New(a, Config{Clock: clock, Tunables: set, Alive: func(tu segment.Tuple) bool {
		ep, ok := endpoint(netstack.TransportEndpointID{
			LocalPort: tu.Src.Port, LocalAddress: tcpip.AddrFrom4([4]byte(tu.Src.Addr[12:])),
			RemotePort: tu.Dst.Port, RemoteAddress: tcpip.AddrFrom4([4]byte(tu.Dst.Addr[12:])),
		})
		return ok && ep.EndpointState() != tcp.StateTimeWait
	}})
	// waiting reports that netstack's endpoint of the only port is in TIME_WAIT, and its timer
	// armed: netstack sets the state first, under one lock.
	waiting := func() bool {
		ep, ok := endpoint(netstack.TransportEndpointID{
			LocalPort: 5000, LocalAddress: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}),
			RemotePort: 80, RemoteAddress: tcpip.AddrFrom4([4]byte{10, 0, 0, 1}),
		})
		if !ok {
			return false
		}
		ep.LockUser()
		defer ep.UnlockUser()
		return ep.EndpointState() == tcp.StateTimeWait
	}
	host, peer := plainStack(t, clock, path, 2), plainStack(t, tcpip.NewStdClock(), b, 1)
	cable(t, a, b)
	cable(t, b, a)
	if err := host.SetPortRange(5000, 5000); err != nil {
		t.Fatal(err)
	}
	lq := &waiter.Queue{}
	l, _ := peer.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, lq)
	if err := l.Bind(tcpip.FullAddress{Port: 80}); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(8); err != nil {
		t.Fatal(err)
	}
	wait := (&duel{t: t}).await

	// dial connects from the only port; the error is netstack's.
	dial := func() (tcpip.Endpoint, tcpip.Error) {
		t.Helper()
		wq := &waiter.Queue{}
		e, err := host.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, wq)
		if err != nil {
			t.Fatal(err)
		}
		err = e.Connect(tcpip.FullAddress{Addr: tcpip.AddrFrom4([4]byte{10, 0, 0, 1}), Port: 80})
		if _, started := err.(*tcpip.ErrConnectStarted); !started {
			return nil, err
		}
		var end tcpip.Error
		wait("an end of the handshake", func() bool {
			clock.Advance(0)
			over := e.Readiness(waiter.WritableEvents) != 0
			end = e.LastError() // asked last: an error makes it ready, too
			return over || end != nil
		})
		if end != nil {
			e.Close()
		}
		return e, end
	}
	// again dials once netstack has cleared its own moment of TIME_WAIT away: the clock goes
	// on only where that has begun, or a busy machine has netstack begin it too late.
	again := func() (err tcpip.Error) {
		t.Helper()
		wait("a port", func() bool {
			_, err = dial()
			_, busy := err.(*tcpip.ErrNoPortAvailable)
			if busy && waiting() {
				clock.Advance(4 * time.Millisecond)
			}
			return !busy
		})
		return err
	}
	first, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	var served tcpip.Endpoint
	wait("a connection at the peer", func() bool {
		served, _, err = l.Accept(nil)
		return err == nil
	})
	// FINs that cross end the peer's own moment early, and what comes later gets a RST, which
	// ends TIME_WAIT (net.ipv4.tcp_rfc1337 = 0).
	wait("the FIN at the peer", func() bool {
		return tcp.EndpointState(served.State()) == tcp.StateCloseWait
	})
	served.Close()
	wait("TIME_WAIT", func() bool { return path.TimeWaits() == 1 })
	for _, why := range []string{"tcp_tw_reuse=2", "too early"} {
		err = again()
		if _, refused := err.(*tcpip.ErrConnectionRefused); !refused || path.TimeWaits() != 1 {
			t.Fatalf("%s: %v, %d in TIME_WAIT", why, err, path.TimeWaits())
		}
		_ = set.SetInt(tunable.TWReuse, 1)
	}
	clock.Advance(time.Second)
	if err = again(); err != nil || path.TimeWaits() != 0 {
		t.Fatalf("after a second: %v, %d in TIME_WAIT", err, path.TimeWaits())
	}
}
