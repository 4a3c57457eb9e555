package stack

import (
	"net"
	"sync/atomic"
	"time"

	"lastack/stack/closepath"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Listener is a listening socket of the host: a net.Listener.
type Listener struct {
	host   *Host
	ep     tcpip.Endpoint
	wq     *waiter.Queue
	light  *closepath.LightListener
	addr   *net.TCPAddr
	closed atomic.Bool
	accept direction
}

var _ net.Listener = (*Listener)(nil)

// newListener begins to listen on a bound endpoint.
func newListener(h *Host, ep tcpip.Endpoint, wq *waiter.Queue, addr *net.TCPAddr) (*Listener, tcpip.Error) {
	l := &Listener{host: h, ep: ep, wq: wq, addr: addr}
	l.accept.entry, l.accept.wake = waiter.NewChannelEntry(waiter.ReadableEvents | ended)
	if err := ep.Listen(h.backlog); err != nil {
		return nil, err
	}
	bound, err := ep.GetLocalAddress()
	if err != nil {
		return nil, err
	}
	addr.Port = int(bound.Port)
	l.light = h.listenLight(ep, h.backlog, wq)
	return l, nil
}

// Accept waits for a connection whose handshake is over; it is a *Conn. It fails with
// os.ErrDeadlineExceeded after the deadline, and with net.ErrClosed after Close.
func (l *Listener) Accept() (net.Conn, error) {
	l.accept.mu.Lock()
	defer l.accept.mu.Unlock()
	for {
		if l.closed.Load() {
			return nil, opError("accept", nil, l.addr, net.ErrClosed)
		}
		if l.accept.deadline.over() {
			return nil, timeoutError("accept", nil, l.addr)
		}
		if c := l.light.Accept(); c != nil {
			if c, err := newConn(l.host, c, c.Queue()); err == nil {
				return c, nil
			}
			continue
		}
		ep, wq, err := l.ep.Accept(nil)
		switch err.(type) {
		case nil:
			c, err := newConn(l.host, ep, wq)
			if err != nil {
				ep.Close() // reset before it could be accepted
				continue
			}
			if l.host.unfollowed(c.Tuple()) {
				ep.(*tcp.Endpoint).Abort()
				continue
			}
			return c, nil
		case *tcpip.ErrWouldBlock:
			l.accept.wait(l.wq)
		default:
			if l.closed.Load() {
				continue
			}
			return nil, opError("accept", nil, l.addr, errno(err))
		}
	}
}

// SetDeadline ends Accepts after t, in the time of the host's clock; the zero time means
// never. Connections that nobody accepted yet stay.
func (l *Listener) SetDeadline(t time.Time) error {
	if l.closed.Load() {
		return opError("set", nil, l.addr, net.ErrClosed)
	}
	l.accept.deadline.set(l.host.clock, t)
	l.accept.poke()
	return nil
}

// Close frees the port at once and resets connections that nobody accepted yet.
func (l *Listener) Close() error {
	if l.closed.Swap(true) {
		return opError("close", nil, l.addr, net.ErrClosed)
	}
	l.ep.Close()
	l.light.Close()
	l.accept.release(l.wq)
	return nil
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.addr }

// listenLight lets the close path take connections to where a listening endpoint is bound.
func (h *Host) listenLight(ep tcpip.Endpoint, backlog int, wq *waiter.Queue) *closepath.LightListener {
	bound, err := ep.GetLocalAddress()
	if err != nil {
		return nil
	}
	at := addrPort(bound.Addr, bound.Port, header.IPv4ProtocolNumber)
	n, _ := ep.(*tcp.Endpoint)
	v4 := n == nil || n.NetProto == header.IPv4ProtocolNumber || !ep.SocketOptions().GetV6Only()
	v6 := n == nil || n.NetProto == header.IPv6ProtocolNumber
	return h.path.ListenLight(at, v4, v6, backlog, wq)
}
