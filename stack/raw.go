package stack

import (
	"net/netip"
	"runtime"

	"lastack/stack/closepath"
	"lastack/stack/flow"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Raw is a TCP socket of the host for who emulates a socket API: its calls never wait, and
// options can be set before it is connected. What Conn and Listener do on top of netstack
// is done in Connect, Accept, Write, Shutdown and Close; for the rest there is the Endpoint.
type Raw struct {
	// Endpoint is netstack's. Its Connect, Accept, Write, Shutdown and Close are not to be called.
	Endpoint tcpip.Endpoint
	// Queue wakes who waits for events of the Endpoint.
	Queue *waiter.Queue
	host  *Host
	light *closepath.LightListener // nil if it does not listen
	sent  sent
	more  bool // the last write was with More, and is why the Endpoint is corked
}

// Raw makes a socket, for IPv4 or for IPv6.
func (h *Host) Raw(p tcpip.NetworkProtocolNumber) (*Raw, error) {
	ep, wq, err := h.newEndpoint(p)
	if err != nil {
		return nil, err
	}
	return &Raw{Endpoint: ep, Queue: wq, host: h}, nil
}

// Bind binds to an address; port 0 is one of the ephemeral range.
func (r *Raw) Bind(a netip.AddrPort) tcpip.Error { return r.host.bind(r.Endpoint, fullAddress(a)) }

// Listen makes a listener of a bound socket. A backlog that is smaller than the host's
// would bring SYN cookies into play, and is raised to it.
func (r *Raw) Listen(backlog int) tcpip.Error {
	backlog = max(backlog, r.host.backlog)
	if err := r.Endpoint.Listen(backlog); err != nil {
		return err
	}
	if r.light == nil {
		r.light = r.host.listenLight(r.Endpoint, backlog, r.Queue)
	}
	return nil
}

// Readiness says which of the events there are, as poll(2) does. The Endpoint alone does not
// know of light connections that wait to be accepted.
func (r *Raw) Readiness(mask waiter.EventMask) waiter.EventMask {
	ready := r.Endpoint.Readiness(mask)
	if r.light.Waits() {
		ready |= waiter.ReadableEvents & mask
	}
	return ready
}

// Shutdown is shutdown(2). A listener that is shut for reading listens no more.
func (r *Raw) Shutdown(flags tcpip.ShutdownFlags) tcpip.Error {
	if flags&tcpip.ShutdownRead != 0 {
		r.light.Close()
	}
	t, connected := r.Tuple()
	if !connected || flags&tcpip.ShutdownWrite == 0 {
		return r.Endpoint.Shutdown(flags)
	}
	r.ends(t)
	err := r.Endpoint.Shutdown(flags)
	if err == nil {
		r.ended(t)
	}
	return err
}

// Write is the Endpoint's. With opts.More, data that are less than a segment wait for the next
// Write, Shutdown or Close, or for 200 ms, as with MSG_MORE on Linux. There the end of longer
// data waits too, and nothing longer than for the acknowledgment of what is under way.
func (r *Raw) Write(p tcpip.Payloader, opts tcpip.WriteOptions) (int64, tcpip.Error) {
	o := r.Endpoint.SocketOptions()
	if opts.More && !o.GetCorkOption() {
		r.more = true
		o.SetCorkOption(true)
	}
	n, err := r.sent.write(r.Endpoint, p, opts)
	if !opts.More && r.more {
		r.Push()
	}
	return n, err
}

// Push sends what waits for a full segment, as setting TCP_NODELAY does on Linux.
func (r *Raw) Push() {
	o := r.Endpoint.SocketOptions()
	if !o.GetCorkOption() {
		return
	}
	o.SetCorkOption(false)
	if r.more {
		r.more = false
		return
	}
	o.SetCorkOption(true)
}

// ends is called before the Endpoint is shut for writing or closed.
func (r *Raw) ends(t segment.Tuple) {
	if r.more {
		r.host.path.Ends(t, r.sent.total())
	}
}

// ended is called once the Endpoint is shut for writing or closed. Nothing waits for a full
// segment any more, and the FIN goes with what has waited.
func (r *Raw) ended(t segment.Tuple) {
	r.host.path.Ended(t, r.sent.total())
	r.more = false
	r.Endpoint.SocketOptions().SetCorkOption(false)
}

// Connect begins to connect, and returns ErrConnectStarted. With data, be they empty, it
// asks for Fast Open, as DialFastOpen does, and leaves it to the caller to write them.
func (r *Raw) Connect(to netip.AddrPort, data []byte) tcpip.Error {
	if bound, err := r.Endpoint.GetLocalAddress(); err == nil && bound.Port != 0 {
		return r.connectBound(to, bound.Port, data)
	}
	d, err := r.host.destination(to)
	if err != nil {
		return &tcpip.ErrHostUnreachable{}
	}
	for range maxPicks {
		port, ok := r.host.pickPort(d)
		if !ok {
			break
		}
		withdraw := r.offer(d, port, data)
		terr := r.host.connectFrom(r.Endpoint, port, fullAddress(to))
		withdraw()
		if _, busy := terr.(*tcpip.ErrNoPortAvailable); !busy {
			return terr
		}
		r.host.ports.unused(d, port)
	}
	return &tcpip.ErrNoPortAvailable{}
}

func (r *Raw) connectBound(to netip.AddrPort, port uint16, data []byte) tcpip.Error {
	if d, err := r.host.destination(to); err == nil {
		defer r.offer(d, port, data)()
	}
	return r.Endpoint.Connect(fullAddress(to))
}

// offer is Host.offer, but for a SYN without data, which asks for a cookie too.
func (r *Raw) offer(d destination, port uint16, data []byte) (withdraw func()) {
	if data == nil {
		return func() {}
	}
	t := segment.Tuple{Src: segment.Endpoint{Addr: d.local, Port: port}, Dst: d.remote}
	return r.host.path.Offer(t, data)
}

// MayOpenFast reports whether data in a SYN to an address are permitted, by
// net.ipv4.tcp_fastopen, and whether the host has what they take: a cookie of the server's,
// unless it needs none.
func (r *Raw) MayOpenFast(to netip.AddrPort) (permitted, ready bool) {
	d, err := r.host.destination(to)
	if err != nil {
		return false, false
	}
	return r.host.path.MayOffer(segment.Tuple{Src: segment.Endpoint{Addr: d.local}, Dst: d.remote})
}

// Accept takes a connection whose handshake is over; ErrWouldBlock if there is none.
func (r *Raw) Accept() (*Raw, tcpip.Error) {
	for {
		if c := r.light.Accept(); c != nil {
			return &Raw{Endpoint: c, Queue: c.Queue(), host: r.host}, nil
		}
		ep, wq, err := r.Endpoint.Accept(nil)
		if err != nil {
			return nil, err
		}
		a := &Raw{Endpoint: ep, Queue: wq, host: r.host}
		if t, ok := a.Tuple(); ok && r.host.unfollowed(t) {
			ep.(*tcp.Endpoint).Abort()
			continue
		}
		return a, nil
	}
}

// Tuple is the connection's 4-tuple as the host's segments carry it; false if the socket
// is not connected.
func (r *Raw) Tuple() (segment.Tuple, bool) {
	local, err := r.Endpoint.GetLocalAddress()
	if err != nil {
		return segment.Tuple{}, false
	}
	remote, err := r.Endpoint.GetRemoteAddress()
	if err != nil {
		return segment.Tuple{}, false
	}
	p := header.IPv4ProtocolNumber // matters for no address only
	return segment.Tuple{
		Src: segment.EndpointFrom(addrPort(local.Addr, local.Port, p)),
		Dst: segment.EndpointFrom(addrPort(remote.Addr, remote.Port, p)),
	}, true
}

// State is the connection's state as Host.State has it, and that of the socket itself
// where the host knows no connection.
func (r *Raw) State() string {
	own := closepath.StateOf(tcp.EndpointState(r.Endpoint.State()))
	if own == flow.Closed {
		if _, waits := r.host.path.TimeWait(r.last()); waits {
			return flow.TimeWait.String()
		}
	}
	if own == flow.Unknown {
		return flow.Closed.String() // neither connected nor listening
	}
	return own.String()
}

// last is the 4-tuple that the socket has, or had before netstack was done with it: TIME_WAIT
// is not netstack's.
func (r *Raw) last() segment.Tuple {
	id := r.Endpoint.Info().(*netstack.TransportEndpointInfo).ID
	p := header.IPv4ProtocolNumber // matters for no address only
	return segment.Tuple{
		Src: segment.EndpointFrom(addrPort(id.LocalAddress, id.LocalPort, p)),
		Dst: segment.EndpointFrom(addrPort(id.RemoteAddress, id.RemotePort, p)),
	}
}

// FastOpened counts the bytes that the connection's SYN brought and the SYN-ACK
// acknowledged.
func (r *Raw) FastOpened() int {
	t, ok := r.Tuple()
	if !ok {
		return 0
	}
	n, _ := r.host.path.FastOpened(t)
	return n
}

// InFlight counts the sequence numbers that are not acknowledged, the FIN's included; finSent: it was
// sent. ok is false where that is not known: before connect and accept, and after the connection.
func (r *Raw) InFlight() (n uint32, finSent, ok bool) {
	t, ok := r.Tuple()
	if !ok {
		return 0, false, false
	}
	return r.host.path.InFlight(t)
}

// Close closes the socket as close(2) does, without waiting.
func (r *Raw) Close() {
	t, connected := r.Tuple()
	if connected {
		r.ends(t)
	}
	r.Endpoint.Close()
	r.light.Close()
	if connected {
		r.ended(t)
		r.host.path.Orphan(t)
	}
}

// Drain returns when netstack has taken in every segment that was delivered to it, and every
// connection that is being promoted. Others
// must not deliver segments meanwhile, and the Host must not be closed. It is exact for a Host that was made while
// GOMAXPROCS was 1: netstack works with as many goroutines as that, which hand sockets to
// each other, and is asked one by one whether they are through.
func (h *Host) Drain() {
	for {
		h.net.Pause()
		h.net.Resume()
		if !h.path.Moving() {
			return
		}
		runtime.Gosched()
	}
}

// Promote hands each connection that the close path has in netstack's place (lastack.light)
// to netstack, as if it wanted more, and returns how many. Drain waits for the end of it.
func (h *Host) Promote() int { return h.path.Promote() }
