package stack

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Dial connects to "ip:port"; names are not resolved. The network is "tcp",
// "tcp4" or "tcp6". It fails with ctx's error when ctx ends first. The signature
// is what http.Transport.DialContext wants.
//
// The local port comes from net.ipv4.ip_local_port_range, one that is not in use
// to the same destination. If all are, the error wraps syscall.EADDRNOTAVAIL;
// those in TIME_WAIT are in use, unless net.ipv4.tcp_tw_reuse permits one.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := h.open(ctx, network, address, nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// DialFastOpen is Dial for a connection whose first data are known: they may travel in
// the SYN (TCP Fast Open, RFC 7413), so that the answer is a round trip nearer. When it
// returns they are written, either way. The SYN carries them if net.ipv4.tcp_fastopen
// permits it and the server has given the host a cookie on an earlier connection;
// otherwise this connection asks for one. A server that loses its memory between two SYNs
// may see them twice.
func (h *Host) DialFastOpen(ctx context.Context, network, address string, data []byte) (net.Conn, error) {
	c, err := h.open(ctx, network, address, data)
	if err != nil {
		return nil, err
	}
	// Writing waits if there is more than the host has room for.
	stop := context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(h.clock.Now()) })
	_, err = c.Write(data)
	if !stop() {
		err = opError("dial", nil, c.RemoteAddr(), ctx.Err())
	}
	if err != nil {
		_ = c.Close() // which nobody has
		return nil, err
	}
	return c, nil
}

// open connects. With data it asks for Fast Open, and leaves it to the caller to
// write them.
func (h *Host) open(ctx context.Context, network, address string, data []byte) (*Conn, error) {
	to, err := parseAddress(network, address)
	if err != nil {
		return nil, opError("dial", nil, nil, err)
	}
	addr := net.TCPAddrFromAddrPort(to)
	if !to.Addr().IsValid() || to.Addr().IsUnspecified() || to.Port() == 0 {
		return nil, opError("dial", nil, addr, fmt.Errorf("%q names no address and port to connect to", address))
	}
	if err := ctx.Err(); err != nil {
		return nil, opError("dial", nil, addr, err)
	}
	d, err := h.destination(to)
	if err != nil {
		return nil, opError("dial", nil, addr, err)
	}
	c, err := h.dial(ctx, d, to, data)
	if err != nil {
		return nil, opError("dial", nil, addr, err)
	}
	return c, nil
}

// destination finds the address that the host will connect from.
func (h *Host) destination(to netip.AddrPort) (destination, error) {
	proto := protocolOf(to.Addr())
	r, err := h.net.FindRoute(nic, tcpip.Address{}, tcpip.AddrFromSlice(to.Addr().AsSlice()), proto, false)
	if err != nil {
		return destination{}, errno(err)
	}
	defer r.Release()
	local := r.LocalAddress()
	from, _ := netip.AddrFromSlice(local.AsSlice())
	return destination{local: from.As16(), remote: segment.EndpointFrom(to)}, nil
}

// Dial skips a port that netstack is still cleaning up after its last connection, at most
// so often, and rests where there was no other.
const (
	maxPicks = 200
	portRest = time.Millisecond
)

func (h *Host) dial(ctx context.Context, d destination, to netip.AddrPort, data []byte) (*Conn, error) {
	for range maxPicks {
		port, ok := h.pickPort(d)
		if !ok {
			return nil, os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)
		}
		ep, wq, err := h.newEndpoint(protocolOf(to.Addr()))
		if err != nil {
			h.ports.unused(d, port)
			return nil, err
		}
		withdraw := h.offer(d, port, data)
		err, busy := h.connect(ctx, ep, wq, port, fullAddress(to))
		withdraw()
		if err == nil {
			return h.connected(ep, wq)
		}
		ep.Close()
		h.ports.unused(d, port)
		if !busy {
			return nil, err
		}
		if err := h.rest(ctx); err != nil {
			return nil, err
		}
	}
	return nil, os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)
}

// offer asks the close path to put data into the SYN from the port, if there are any.
func (h *Host) offer(d destination, port uint16, data []byte) (withdraw func()) {
	if len(data) == 0 {
		return func() {}
	}
	t := segment.Tuple{Src: segment.Endpoint{Addr: d.local, Port: port}, Dst: d.remote}
	return h.path.Offer(t, data)
}

func (h *Host) pickPort(d destination) (uint16, bool) {
	lo, hi := h.tunables.Ports(tunable.PortRange)
	// 2 means on the loopback interface, which this host does not have.
	r := reuse{allowed: h.tunables.Int(tunable.TWReuse) == 1, delay: h.tunables.Millis(tunable.TWReuseDelay)}
	return h.ports.pick(d, lo, hi, r)
}

// connect runs the handshake from the given port, and gives it up when ctx ends.
// busy: the port was not free after all.
func (h *Host) connect(ctx context.Context, ep tcpip.Endpoint, wq *waiter.Queue, port uint16, to tcpip.FullAddress) (err error, busy bool) {
	entry, done := waiter.NewChannelEntry(waiter.WritableEvents | ended)
	wq.EventRegister(&entry)
	defer wq.EventUnregister(&entry)
	terr := h.connectFrom(ep, port, to)
	switch terr.(type) {
	case *tcpip.ErrConnectStarted:
		select {
		case <-done:
			terr = ep.LastError()
		case <-ctx.Done():
			return ctx.Err(), false
		}
	case *tcpip.ErrNoPortAvailable:
		return errno(terr), true
	}
	if terr != nil {
		return errno(terr), false
	}
	return nil, false
}

// connectFrom starts to connect from the given port. Binding to it first would
// reserve it for all destinations; a range of one port is reserved for this one.
func (h *Host) connectFrom(ep tcpip.Endpoint, port uint16, to tcpip.FullAddress) tcpip.Error {
	h.portRange.Lock()
	defer h.portRange.Unlock()
	if err := h.net.SetPortRange(port, port); err != nil {
		return err
	}
	return ep.Connect(to)
}

// bind binds to an address; if its port is 0, to one of the range.
func (h *Host) bind(ep tcpip.Endpoint, a tcpip.FullAddress) tcpip.Error {
	h.portRange.Lock()
	defer h.portRange.Unlock()
	if err := h.net.SetPortRange(h.tunables.Ports(tunable.PortRange)); err != nil {
		return err
	}
	return ep.Bind(a)
}

func (h *Host) connected(ep tcpip.Endpoint, wq *waiter.Queue) (*Conn, error) {
	c, err := newConn(h, ep, wq)
	if err != nil {
		ep.Close() // connected, and reset since
		return nil, errno(err)
	}
	return c, nil
}

// rest waits for a moment, or until ctx ends.
func (h *Host) rest(ctx context.Context) error {
	over := make(chan struct{})
	t := h.clock.AfterFunc(portRest, func() { close(over) })
	defer t.Stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
