package closepath

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/timewait"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// adopted is a netstack with ForStack's endpoint, and a plain one at the other end.
//
//	host: netstack - Endpoint - channel === channel - netstack :peer
type adopted struct {
	t          *testing.T
	clock      *faketime.ManualClock // the host's
	set        *tunable.Set
	host, peer *netstack.Stack
	path       *Endpoint

	mu   sync.Mutex
	wire []string // flags; the host's with ">"
}

const (
	hostMAC = tcpip.LinkAddress("\x02\x00\x00\x00\x00\x02")
	peerMAC = tcpip.LinkAddress("\x02\x00\x00\x00\x00\x01")
)

var (
	hostAddrs = []string{"10.0.0.2", "10.0.0.3", "fd00::2"}
	peerAddrs = []string{"10.0.0.1", "fd00::1"}
)

func adopt(t *testing.T, cfg Config) *adopted {
	t.Helper()
	return adoptOn(t, cfg, func(l netstack.LinkEndpoint) netstack.LinkEndpoint { return l })
}

// adoptOn has both ends' links wrapped.
func adoptOn(t *testing.T, cfg Config, wrap func(netstack.LinkEndpoint) netstack.LinkEndpoint) *adopted {
	t.Helper()
	a := &adopted{t: t, clock: faketime.NewManualClock(), set: tunable.NewSet()}
	left, right := channel.New(512, 1500, hostMAC), channel.New(512, 1500, peerMAC)
	a.host, a.peer = bareStack(t, a.clock), bareStack(t, tcpip.NewStdClock())
	cfg.Tunables, cfg.Tap = a.set, a.record
	a.path = ForStack(a.host, 1, wrap(left), cfg)
	a.attach(a.host, a.path, hostAddrs)
	a.attach(a.peer, wrap(right), peerAddrs)
	moment := tcpip.TCPTimeWaitTimeoutOption(time.Millisecond)
	_ = a.peer.SetTransportProtocolOption(tcp.ProtocolNumber, &moment)
	cable(t, left, right)
	cable(t, right, left)
	return a
}

func bareStack(t *testing.T, clock tcpip.Clock) *netstack.Stack {
	v6 := ipv6.NewProtocolWithOptions(ipv6.Options{}) // whose addresses need no second of detection
	s := netstack.New(netstack.Options{
		Clock: clock, NetworkProtocols: []netstack.NetworkProtocolFactory{ipv4.NewProtocol, v6},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
	t.Cleanup(func() { s.Close(); s.Wait() })
	return s
}

func (a *adopted) attach(s *netstack.Stack, link netstack.LinkEndpoint, addrs []string) {
	a.t.Helper()
	if err := s.CreateNIC(1, link); err != nil {
		a.t.Fatal(err)
	}
	for _, text := range addrs {
		addr := ipAddr(text)
		if err := s.AddProtocolAddress(1, tcpip.ProtocolAddress{
			Protocol: protocol(addr), AddressWithPrefix: addr.WithPrefix(),
		}, netstack.AddressProperties{}); err != nil {
			a.t.Fatal(err)
		}
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}, {Destination: header.IPv6EmptySubnet, NIC: 1}})
}

func ipAddr(text string) tcpip.Address {
	return address(segment.EndpointFrom(mustAddrPort(text)))
}

func mustAddrPort(addr string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), 0)
}

func protocol(a tcpip.Address) tcpip.NetworkProtocolNumber {
	if a.Len() == 4 {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

func (a *adopted) record(e *Event) {
	if e.Point != Wire || e.Kind != Seen {
		return
	}
	mark := ""
	if e.Dir == Out {
		mark = ">"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wire = append(a.wire, mark+e.Seg.Flags.String())
}

// seen is what the wire had since the last call.
func (a *adopted) seen() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.wire = nil }()
	return strings.Join(a.wire, " ")
}

func (a *adopted) await(what string, done func() bool) {
	a.t.Helper()
	if !(&duel{t: a.t}).await(what, func() bool { a.clock.Advance(0); return done() }) {
		a.t.FailNow()
	}
}

// settle lets time pass at the host until netstack has cleared up what is in TIME_WAIT, and
// its ports are reserved.
func (a *adopted) settle() {
	a.t.Helper()
	a.await("netstack to clear up", func() bool {
		a.clock.Advance(time.Millisecond)
		busy := false
		a.path.EachTimeWait(func(r *timewait.Record) bool {
			busy = a.path.registered(r.Tuple)
			return !busy
		})
		r := a.path.reserved
		r.mu.Lock()
		defer r.mu.Unlock()
		return !busy && len(r.pending) == 0
	})
}

// listen listens on port 80 of any address.
func (a *adopted) listen(s *netstack.Stack) tcpip.Endpoint {
	a.t.Helper()
	l, err := s.NewEndpoint(tcp.ProtocolNumber, ipv6.ProtocolNumber, &waiter.Queue{})
	if err != nil {
		a.t.Fatal(err)
	}
	if err := l.Bind(tcpip.FullAddress{Port: 80}); err != nil {
		a.t.Fatal(err)
	}
	if err := l.Listen(8); err != nil {
		a.t.Fatal(err)
	}
	return l
}

// dial connects to port 80; the error is what the handshake ended with.
func (a *adopted) dial(s *netstack.Stack, to string) (tcpip.Endpoint, tcpip.Error) {
	a.t.Helper()
	addr := ipAddr(to)
	e, err := s.NewEndpoint(tcp.ProtocolNumber, protocol(addr), &waiter.Queue{})
	if err != nil {
		a.t.Fatal(err)
	}
	err = e.Connect(tcpip.FullAddress{Addr: addr, Port: 80})
	if _, started := err.(*tcpip.ErrConnectStarted); !started {
		e.Close()
		return nil, err
	}
	var end tcpip.Error
	a.await("an end of the handshake", func() bool {
		end = e.LastError()
		return end != nil || e.Readiness(waiter.WritableEvents) != 0
	})
	if end != nil {
		e.Close()
		return nil, end
	}
	return e, nil
}

// closeBoth closes a connection of which the host's end goes first, and awaits TIME_WAIT.
func (a *adopted) closeBoth(host, peer tcpip.Endpoint) {
	a.t.Helper()
	before := a.path.TimeWaits()
	host.Close()
	a.await("the host's FIN", func() bool { return peer.Readiness(waiter.EventRdHUp|waiter.EventIn) != 0 })
	peer.Close()
	a.await("TIME_WAIT", func() bool { return a.path.TimeWaits() == before+1 })
	a.settle()
}

func (a *adopted) accept(l tcpip.Endpoint) tcpip.Endpoint {
	a.t.Helper()
	var c tcpip.Endpoint
	a.await("a connection", func() bool {
		var err tcpip.Error
		c, _, err = l.Accept(nil)
		return err == nil
	})
	return c
}

// TestForStackListener: at each of its addresses, a netstack keeps TIME_WAIT, and its
// listener takes the SYN of a new connection that ends it.
func TestForStackListener(t *testing.T) {
	for _, addr := range hostAddrs {
		t.Run(addr, func(t *testing.T) {
			a := adopt(t, Config{})
			a.reopens(a.listen(a.host), addr)
		})
		t.Run(addr+" light", func(t *testing.T) {
			a := adopt(t, Config{})
			a.reopens(a.listenLight(), addr)
			if taken, promoted := a.path.LightCounts(); taken != 2 || promoted != 0 {
				t.Errorf("%d connections were light, and %d of them promoted", taken, promoted)
			}
		})
	}
}

// lightListener accepts light connections and netstack's.
type lightListener struct {
	tcpip.Endpoint
	light *LightListener
}

func (l lightListener) Accept(from *tcpip.FullAddress) (tcpip.Endpoint, *waiter.Queue, tcpip.Error) {
	if c := l.light.Accept(); c != nil {
		return c, c.Queue(), nil
	}
	return l.Endpoint.Accept(from)
}

// listenLight listens with lastack.light=1.
func (a *adopted) listenLight() lightListener {
	_ = a.set.SetInt(tunable.Light, 1)
	return lightListener{a.listen(a.host), a.path.ListenLight(netip.AddrPortFrom(netip.Addr{}, 80), true, true, 8, &waiter.Queue{})}
}

// reopens closes a connection from the peer's only port, and takes another one from there.
func (a *adopted) reopens(l tcpip.Endpoint, addr string) {
	a.t.Helper()
	if err := a.peer.SetPortRange(5000, 5000); err != nil {
		a.t.Fatal(err)
	}
	// So that the SYN alone can end it, and not the RST with which the peer would answer an ACK.
	_ = a.set.SetInt(tunable.RFC1337, 1)
	for range 2 {
		var c tcpip.Endpoint
		var err tcpip.Error
		a.await("the peer's port", func() bool {
			c, err = a.dial(a.peer, addr)
			return !none(err)
		})
		if err != nil {
			a.t.Fatalf("%v; the wire saw %s", err, a.seen())
		}
		if n := a.path.TimeWaits(); n != 0 {
			a.t.Errorf("%d in TIME_WAIT behind the SYN", n)
		}
		a.closeBoth(a.accept(l), c)
	}
	a.clock.Advance(time.Minute + expiryGrain)
	if n := a.path.TimeWaits(); n != 0 {
		a.t.Errorf("%d in TIME_WAIT after a minute", n)
	}
}

// forwarded stands for a listener in front of a tcp.Forwarder.
type forwarded struct {
	tcpip.Endpoint
	made chan tcpip.Endpoint
}

func (f forwarded) Accept(*tcpip.FullAddress) (tcpip.Endpoint, *waiter.Queue, tcpip.Error) {
	select {
	case e := <-f.made:
		return e, nil, nil
	default:
		return nil, nil, &tcpip.ErrWouldBlock{}
	}
}

// forward has a netstack take all connections there are, as tailscale, tun2socks and
// gvisor-tap-vsock do.
func (a *adopted) forward() forwarded {
	a.t.Helper()
	f := forwarded{made: make(chan tcpip.Endpoint, 8)}
	fwd := tcp.NewForwarder(a.host, 0, 8, func(r *tcp.ForwarderRequest) {
		e, err := r.CreateEndpoint(&waiter.Queue{})
		r.Complete(err != nil)
		if err == nil {
			f.made <- e
		}
	})
	a.host.SetTransportProtocolHandler(tcp.ProtocolNumber, fwd.HandlePacket)
	_ = a.host.SetPromiscuousMode(1, true)
	_ = a.host.SetSpoofing(1, true)
	return f
}

// TestForStackForwarder: what a forwarder takes, at addresses that the host does not have
// on a promiscuous interface too, is kept and reopened in the same way.
func TestForStackForwarder(t *testing.T) {
	for _, addr := range append(slices.Clone(hostAddrs), "192.0.2.7", "2001:db8::7") {
		t.Run(addr, func(t *testing.T) {
			a := adopt(t, Config{Forwarder: true})
			a.reopens(a.forward(), addr)
		})
		// A forwarder asks for no light connections, so that it gets none.
		t.Run(addr+" light", func(t *testing.T) {
			a := adopt(t, Config{Forwarder: true})
			_ = a.set.SetInt(tunable.Light, 1)
			a.reopens(a.forward(), addr)
			if taken, _ := a.path.LightCounts(); taken != 0 {
				t.Errorf("%d connections were light", taken)
			}
		})
	}
}

// TestForwarderHasToBeSaid: without Config.Forwarder nobody listens, so a SYN is answered
// out of TIME_WAIT, as Linux answers it.
func TestForwarderHasToBeSaid(t *testing.T) {
	a := adopt(t, Config{})
	l := a.forward()
	_ = a.peer.SetPortRange(5000, 5000)
	c, err := a.dial(a.peer, "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	a.closeBoth(a.accept(l), c)
	a.seen()
	var e tcpip.Endpoint
	a.await("the peer's port", func() bool { // which its netstack may have still
		e, _ = a.peer.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, &waiter.Queue{})
		_, begun := e.Connect(tcpip.FullAddress{Addr: ipAddr("192.0.2.7"), Port: 80}).(*tcpip.ErrConnectStarted)
		if !begun {
			e.Close()
		}
		return begun
	})
	defer e.Close()
	var wire string
	a.await("an answer", func() bool { wire += a.seen(); return strings.Contains(wire, ">") })
	if !strings.HasPrefix(wire, "SYN>ACK") && !strings.HasPrefix(wire, "SYN >ACK") {
		t.Errorf("the wire saw %s, want SYN >ACK", wire)
	}
}

// TestForwarderStray: an acknowledgment of no connection is netstack's to answer, once,
// where a forwarder takes all ports; and so it is beside a listener's, which the close
// path answers.
func TestForwarderStray(t *testing.T) {
	for name, listens := range map[string]bool{"forwarder": false, "listener": true} {
		t.Run(name, func(t *testing.T) {
			a := adopt(t, Config{Forwarder: true})
			a.forward()
			if listens {
				a.listen(a.host)
			}
			s := segment.Segment{
				Tuple: segment.Tuple{
					Src: segment.EndpointFrom(mustAddrPort("10.0.0.1")), Dst: segment.EndpointFrom(mustAddrPort("10.0.0.3")),
				},
				Version: 4, Flags: segment.ACK, Seq: 1, Ack: 77,
			}
			s.Src.Port, s.Dst.Port = 5000, 80
			p := made(&s, nil)
			a.path.DeliverNetworkPacket(header.IPv4ProtocolNumber, p.buf)
			p.buf.DecRef()
			got := ""
			a.await("an answer", func() bool { got += a.seen(); return strings.HasSuffix(got, ">RST") })
			if strings.ReplaceAll(got, " ", "") != "ACK>RST" {
				t.Errorf("the wire saw %s, want ACK >RST", got)
			}
			if f := a.path.Flows(); f != 0 {
				t.Errorf("%d flows", f)
			}
		})
	}
}

// TestForStackReservesPorts: netstack passes over ports in TIME_WAIT as long as others are
// free, says that none is when all are, and has them again by net.ipv4.tcp_tw_reuse or when
// TIME_WAIT is over.
func TestForStackReservesPorts(t *testing.T) {
	for _, addr := range peerAddrs {
		for _, reuse := range []bool{false, true} {
			t.Run(addr, func(t *testing.T) { reservesPorts(t, addr, reuse) })
		}
	}
}

func reservesPorts(t *testing.T, addr string, reuse bool) {
	a := adopt(t, Config{})
	l := a.listen(a.peer)
	const ports = 8
	if err := a.host.SetPortRange(5000, 5000+ports-1); err != nil {
		t.Fatal(err)
	}
	for i := range ports {
		c, err := a.dial(a.host, addr)
		if err != nil {
			t.Fatalf("with %d of %d ports in TIME_WAIT: %v", i, ports, err)
		}
		a.closeBoth(c, a.accept(l))
	}
	if _, err := a.dial(a.host, addr); !none(err) {
		t.Fatalf("with all ports in TIME_WAIT: %v", err)
	}
	wait := time.Minute
	if reuse {
		_ = a.set.SetInt(tunable.TWReuse, 1)
		wait = time.Second
	}
	a.clock.Advance(wait)
	a.settle()
	for range ports {
		c, err := a.dial(a.host, addr)
		if err != nil {
			t.Fatalf("reuse %v, after %s: %v", reuse, wait, err)
		}
		a.closeBoth(c, a.accept(l))
	}
	if n := a.path.TimeWaits(); n != ports {
		t.Errorf("%d in TIME_WAIT, want %d", n, ports)
	}
}

func none(err tcpip.Error) bool {
	_, none := err.(*tcpip.ErrNoPortAvailable)
	return none
}
