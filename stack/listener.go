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
	done   chan struct{}
}

var _ net.Listener = (*Listener)(nil)

// Accept waits for a connection whose handshake is over; it is a *Conn. After
// Close it fails with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	entry, ready := waiter.NewChannelEntry(waiter.ReadableEvents | ended)
	registered := false
	defer func() {
		if registered {
			l.wq.EventUnregister(&entry)
		}
	}()
	for {
		ep, wq, err := l.ep.Accept(nil)
		switch err.(type) {
		case nil:
			c, err := newConn(l.host.clock, ep, wq)
			if err != nil {
				ep.Close() // reset before it could be accepted
				continue
			}
			return c, nil
		case *tcpip.ErrWouldBlock:
			if !registered {
				l.wq.EventRegister(&entry)
				registered = true
				continue // it may have come before the registration
			}
			select {
			case <-ready:
			case <-l.done:
			}
		default:
			return nil, l.fail(err)
		}
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
	close(l.done)
	return nil
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.addr }
