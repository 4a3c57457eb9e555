package stack

import (
	"net"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Listener is a listening socket of the host: a net.Listener.
type Listener struct {
	host   *Host
	ep     tcpip.Endpoint
	wq     *waiter.Queue
	addr   *net.TCPAddr
	closed atomic.Bool

	// ready is filled by netstack, through entry, when a connection may be
	// waiting; one Accept wakes the next.
	entry waiter.Entry
	ready chan struct{}
}

var _ net.Listener = (*Listener)(nil)

// newListener begins to listen on a bound endpoint.
func newListener(h *Host, ep tcpip.Endpoint, wq *waiter.Queue, addr *net.TCPAddr) (*Listener, tcpip.Error) {
	l := &Listener{host: h, ep: ep, wq: wq, addr: addr}
	l.entry, l.ready = waiter.NewChannelEntry(waiter.ReadableEvents | ended)
	wq.EventRegister(&l.entry)
	if err := ep.Listen(h.backlog); err != nil {
		return nil, err
	}
	bound, err := ep.GetLocalAddress()
	if err != nil {
		return nil, err
	}
	addr.Port = int(bound.Port)
	return l, nil
}

// Accept waits for a connection whose handshake is over; it is a *Conn. After
// Close it fails with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		ep, wq, err := l.ep.Accept(nil)
		switch err.(type) {
		case nil:
			l.poke()
			c, err := newConn(l.host, ep, wq)
			if err != nil {
				ep.Close() // reset before it could be accepted
				continue
			}
			return c, nil
		case *tcpip.ErrWouldBlock:
			<-l.ready
		default:
			l.poke()
			return nil, l.fail(err)
		}
	}
}

// poke has another Accept look again: one event may stand for many connections.
func (l *Listener) poke() {
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

func (l *Listener) fail(err tcpip.Error) error {
	if l.closed.Load() {
		return opError("accept", nil, l.addr, net.ErrClosed)
	}
	return opError("accept", nil, l.addr, errno(err))
}

// Close frees the port at once and resets connections that nobody accepted yet.
func (l *Listener) Close() error {
	if l.closed.Swap(true) {
		return opError("close", nil, l.addr, net.ErrClosed)
	}
	l.ep.Close()
	l.poke()
	return nil
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.addr }
