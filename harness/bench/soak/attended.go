package soak

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/wire"
)

// attended are the server's connections, so that those of a peer that is gone can
// be closed.
//
// A RST is not retransmitted. Where the wire loses one, or the challenge ACK that
// an inexact one calls for (RFC 5961 3.2), the other side keeps a connection that
// is idle for ever: TCP leaves that to the application. The servers here have no
// timeout, which might hide a connection that is stuck, so the soak looks which
// clients' sockets the kernel no longer has, and resets the connections to those. It
// looks twice: the kernel's list misses a socket if another leaves while it is read.
type attended struct {
	mu    sync.Mutex
	conns map[*attendedConn]struct{}
}

// young is the age below which a connection is left alone: its handshake may not
// be over at the client.
const young = 5 * time.Second

// attendedServer is a subject whose connections are attended.
type attendedServer struct {
	wire.Server
	all *attended
}

func (s *attendedServer) Listen(port uint16) (net.Listener, error) {
	l, err := s.Server.Listen(port)
	if err != nil {
		return nil, err
	}
	return &attendedListener{l, s.all}, nil
}

type attendedListener struct {
	net.Listener
	all *attended
}

func (l *attendedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	ac := &attendedConn{lingerer: c.(lingerer), all: l.all, since: time.Now()}
	l.all.mu.Lock()
	l.all.conns[ac] = struct{}{}
	l.all.mu.Unlock()
	return ac, nil
}

// lingerer is what the apps use of a connection.
type lingerer interface {
	net.Conn
	SetLinger(sec int) error
}

type attendedConn struct {
	lingerer
	all   *attended
	since time.Time
	// missed: the latest look found no socket at the client.
	missed bool
}

func (c *attendedConn) Close() error {
	c.all.mu.Lock()
	delete(c.all.conns, c)
	c.all.mu.Unlock()
	return c.lingerer.Close()
}

// sweep closes the connections whose client has no socket, and says how many.
func (a *attended) sweep(clients []lab.Socket) int {
	there := make(map[netip.AddrPort]bool)
	for _, s := range clients {
		there[s.Local] = true
	}
	var gone []*attendedConn
	a.mu.Lock()
	for c := range a.conns {
		peer := c.RemoteAddr().(*net.TCPAddr).AddrPort()
		missing := !there[peer] && time.Since(c.since) > young
		if missing && c.missed {
			gone = append(gone, c)
		}
		c.missed = missing
	}
	a.mu.Unlock()
	for _, c := range gone {
		// A FIN would not be acknowledged as long as the client's port is in TIME_WAIT.
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	return len(gone)
}
