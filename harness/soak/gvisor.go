package soak

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	gtun "gvisor.dev/gvisor/pkg/tcpip/link/tun"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// raiseGVisor is plain gVisor as its own examples write it: the link endpoint for a
// file descriptor, the package tun that opens one, and the defaults of everything.
func raiseGVisor(g *ground) error {
	quiet()
	fd, err := gtun.Open(linkName)
	if err != nil {
		return err
	}
	l, err := netlink.LinkByName(linkName)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(kernelPrefix.String())
	if err != nil {
		return err
	}
	if err := errors.Join(netlink.AddrAdd(l, addr), netlink.LinkSetUp(l)); err != nil {
		return err
	}
	ep, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: uint32(l.Attrs().MTU)})
	if err != nil {
		return err
	}
	s, err := plainStack(ep)
	if err != nil {
		return err
	}
	at := tcpip.AddrFromSlice(hostAddr.AsSlice())
	g.listen = func(port uint16) (net.Listener, error) {
		return gonet.ListenTCP(s, tcpip.FullAddress{NIC: 1, Addr: at, Port: port}, ipv4.ProtocolNumber)
	}
	g.sockets = func() ([]Socket, error) { return endpoints(s), nil }
	return nil
}

// quiet keeps netstack from warning of each segment that a listener refuses.
func quiet() { log.SetTarget(&log.Writer{Next: io.Discard}) }

// plainStack has the host's address on the link endpoint.
func plainStack(ep netstack.LinkEndpoint) (*netstack.Stack, error) {
	s := netstack.New(netstack.Options{
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := s.CreateNIC(1, ep); err != nil {
		return nil, fmt.Errorf("attaching the endpoint to netstack: %s", err)
	}
	pa := tcpip.ProtocolAddress{
		Protocol:          header.IPv4ProtocolNumber,
		AddressWithPrefix: tcpip.AddrFromSlice(hostAddr.AsSlice()).WithPrefix(),
	}
	if err := s.AddProtocolAddress(1, pa, netstack.AddressProperties{}); err != nil {
		return nil, fmt.Errorf("giving netstack the address %s: %s", hostAddr, err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return s, nil
}

// gvisorStates are RFC 9293's names of netstack's states that are live; the others
// (initial, bound, error) are of no connection.
var gvisorStates = map[tcp.EndpointState]string{
	tcp.StateSynSent: "SYN_SENT", tcp.StateSynRecv: "SYN_RECEIVED", tcp.StateEstablished: "ESTABLISHED",
	tcp.StateFinWait1: "FIN_WAIT_1", tcp.StateFinWait2: "FIN_WAIT_2", tcp.StateCloseWait: "CLOSE_WAIT",
	tcp.StateClosing: "CLOSING", tcp.StateLastAck: "LAST_ACK",
}

// endpoints lists plain netstack's live connections.
func endpoints(s *netstack.Stack) []Socket {
	var live []Socket
	for _, te := range s.RegisteredEndpoints() {
		ep, ok := te.(*tcp.Endpoint)
		if !ok {
			continue
		}
		state, ok := gvisorStates[ep.EndpointState()]
		if !ok {
			continue
		}
		local, _ := ep.GetLocalAddress()
		remote, _ := ep.GetRemoteAddress()
		live = append(live, Socket{State: state, Local: addrPort(local), Remote: addrPort(remote)})
	}
	return live
}

func addrPort(a tcpip.FullAddress) netip.AddrPort {
	ip, _ := netip.AddrFromSlice(a.Addr.AsSlice())
	return netip.AddrPortFrom(ip, a.Port)
}
