package stack

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Listen listens on a port of the host. The network is "tcp", "tcp4" or "tcp6";
// the address is "ip:port" or ":port", which takes connections to any of the
// host's addresses, of both families with "tcp". Names are not resolved. Port 0
// lets the host choose.
//
// Where net.ipv4.tcp_fastopen permits servers TCP Fast Open, every listener takes part
// as if it had asked to: Accept may return a connection whose client has sent a
// request with its SYN, and has not finished the handshake.
func (h *Host) Listen(network, address string) (*Listener, error) {
	where, err := parseAddress(network, address)
	if err != nil {
		return nil, opError("listen", nil, nil, err)
	}
	addr := net.TCPAddrFromAddrPort(where)
	ep, wq, err := h.newEndpoint(protocolFor(network, where.Addr()))
	if err != nil {
		return nil, opError("listen", nil, addr, err)
	}
	if network == "tcp6" {
		ep.SocketOptions().SetV6Only(true)
	}
	if err := h.bind(ep, fullAddress(where)); err != nil {
		ep.Close()
		return nil, opError("listen", nil, addr, bindErrno(err, where))
	}
	l, terr := newListener(h, ep, wq, addr)
	if terr != nil {
		ep.Close()
		return nil, opError("listen", nil, addr, errno(terr))
	}
	return l, nil
}

func (h *Host) newEndpoint(p tcpip.NetworkProtocolNumber) (tcpip.Endpoint, *waiter.Queue, error) {
	wq := &waiter.Queue{}
	ep, err := h.net.NewEndpoint(tcp.ProtocolNumber, p, wq)
	if err != nil {
		return nil, nil, errno(err)
	}
	return ep, wq, nil
}

// parseAddress reads "ip:port" and checks that it is of the network's family.
func parseAddress(network, address string) (netip.AddrPort, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return netip.AddrPort{}, net.UnknownNetworkError(network)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, &net.AddrError{Err: "port must be a number from 0 to 65535", Addr: address}
	}
	if host == "" {
		return netip.AddrPortFrom(netip.Addr{}, uint16(n)), nil
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, &net.AddrError{Err: "not an IP address (names are not resolved)", Addr: address}
	}
	a = a.Unmap()
	if (network == "tcp4" && !a.Is4()) || (network == "tcp6" && !a.Is6()) {
		return netip.AddrPort{}, &net.AddrError{Err: "not an address of " + network, Addr: address}
	}
	return netip.AddrPortFrom(a, uint16(n)), nil
}

// protocolFor is the netstack protocol of a listener: IPv6's takes IPv4 too
// unless it is told otherwise.
func protocolFor(network string, a netip.Addr) tcpip.NetworkProtocolNumber {
	if network == "tcp4" || a.Is4() {
		return header.IPv4ProtocolNumber
	}
	return header.IPv6ProtocolNumber
}

func fullAddress(a netip.AddrPort) tcpip.FullAddress {
	f := tcpip.FullAddress{Port: a.Port()}
	if a.Addr().IsValid() && !a.Addr().IsUnspecified() {
		f.Addr = tcpip.AddrFromSlice(a.Addr().AsSlice())
	}
	return f
}

// bindErrno tells an address that is taken from one that the host does not have.
func bindErrno(err tcpip.Error, a netip.AddrPort) error {
	e := errno(err)
	if _, none := err.(*tcpip.ErrNoPortAvailable); none && a.Port() == 0 {
		return fmt.Errorf("every ephemeral port is taken: %w", e)
	}
	return e
}
