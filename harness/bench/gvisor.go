package bench

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
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
	fd, err := gtun.Open(linkName)
	if err != nil {
		return err
	}
	l, err := netlink.LinkByName(linkName)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(kernelAddr.String())
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
	at := tcpip.AddrFromSlice(serverAddr.AsSlice())
	g.listen = func(port int) (net.Listener, error) {
		return gonet.ListenTCP(s, tcpip.FullAddress{NIC: 1, Addr: at, Port: uint16(port)}, ipv4.ProtocolNumber)
	}
	return nil
}

// plainStack has the server's address on the endpoint.
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
		AddressWithPrefix: tcpip.AddrFromSlice(serverAddr.AsSlice()).WithPrefix(),
	}
	if err := s.AddProtocolAddress(1, pa, netstack.AddressProperties{}); err != nil {
		return nil, fmt.Errorf("giving netstack the address %s: %s", serverAddr, err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return s, nil
}
