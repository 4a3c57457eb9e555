package wire

import (
	"context"
	"net"
	"net/netip"

	"lastack/harness/lab"
)

// Server is what every subject can be asked for. Its methods may be called from any
// goroutine.
type Server interface {
	// Addr is the address on the wire.
	Addr() netip.Addr
	// Listen listens at a port of that address.
	Listen(port uint16) (net.Listener, error)
	// Sockets lists the TCP sockets, TIME_WAIT included, as far as the stack tells.
	Sockets() ([]lab.Socket, error)
}

// Side is a whole end of a wire: the kernel's, or lastack's.
type Side interface {
	Server
	// Set sets what is a sysctl for a kernel and a tunable for lastack.
	Set(name, value string) error
	// Do runs f where Dial may be called, and where a program that f starts finds
	// the kernel's sockets. As with lab.Namespace.Do, not so goroutines of f.
	Do(f func() error) error
	// Dial connects, from a local port unless that is 0, and sends the data, if
	// there are any, in the SYN if Fast Open permits it. It is called within Do,
	// and what it returns may be used anywhere: to enter a namespace for each
	// connection would cost a thread each. lastack chooses the port by itself.
	Dial(ctx context.Context, to netip.AddrPort, from uint16, data []byte) (Conn, error)
	// State is a connection's, in RFC 9293's words; CLOSED where there is none.
	State(local, remote netip.AddrPort) (string, error)
	// Count counts the connections in TIME_WAIT and those that are live.
	Count() (timeWait, live int, err error)
}

// Conn is a connection that was dialed: a *net.TCPConn or a *stack.Conn.
type Conn interface {
	net.Conn
	CloseWrite() error
	CloseRead() error
	SetLinger(sec int) error
}
