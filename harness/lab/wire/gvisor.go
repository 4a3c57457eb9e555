package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"lastack/harness/lab"
	"lastack/stack/closepath"

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

// GVisor is plain gVisor as a subject, over IPv4, as its own examples write it: the
// link endpoint for a file descriptor, the package tun that opens one, and the
// defaults of everything. It ends with the process.
type GVisor struct{}

// Raise implements Subject.
func (GVisor) Raise(w *Wire) (Server, error) {
	ep, err := openFD(w)
	if err != nil {
		return nil, err
	}
	s := netstack.New(netstack.Options{
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := s.CreateNIC(1, ep); err != nil {
		return nil, fmt.Errorf("attaching the endpoint to netstack: %s", err)
	}
	at := w.Config.FarAddr
	pa := tcpip.ProtocolAddress{
		Protocol:          header.IPv4ProtocolNumber,
		AddressWithPrefix: tcpip.AddrFromSlice(at.AsSlice()).WithPrefix(),
	}
	if err := s.AddProtocolAddress(1, pa, netstack.AddressProperties{}); err != nil {
		return nil, fmt.Errorf("giving netstack the address %s: %s", at, err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return &plain{s, at}, nil
}

// openFD opens the near interface as gVisor's examples do.
func openFD(w *Wire) (ep netstack.LinkEndpoint, err error) {
	err = w.Near.Do(func() error {
		fd, err := gtun.Open(w.Config.Link)
		if err != nil {
			return err
		}
		l, err := netlink.LinkByName(w.Config.Link)
		if err != nil {
			return err
		}
		addr, err := netlink.ParseAddr(w.Config.NearAddr.String())
		if err != nil {
			return err
		}
		if err := errors.Join(netlink.AddrAdd(l, addr), netlink.LinkSetUp(l)); err != nil {
			return err
		}
		ep, err = fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: uint32(l.Attrs().MTU)})
		return err
	})
	return ep, err
}

// plain is netstack as it comes.
type plain struct {
	stack *netstack.Stack
	at    netip.Addr
}

func (p *plain) Addr() netip.Addr { return p.at }

func (p *plain) Listen(port uint16) (net.Listener, error) {
	return gonet.ListenTCP(p.stack, tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFromSlice(p.at.AsSlice()), Port: port}, ipv4.ProtocolNumber)
}

// Sockets are the live connections.
func (p *plain) Sockets() (all []lab.Socket, err error) {
	for _, te := range p.stack.RegisteredEndpoints() {
		ep, ok := te.(*tcp.Endpoint)
		if !ok {
			continue
		}
		local, _ := ep.GetLocalAddress()
		remote, _ := ep.GetRemoteAddress()
		s := lab.Socket{State: closepath.StateOf(ep.EndpointState()).String(), Local: addrPort(local), Remote: addrPort(remote)}
		if s.State != "" && s.Live() {
			all = append(all, s)
		}
	}
	return all, nil
}

func addrPort(a tcpip.FullAddress) netip.AddrPort {
	ip, _ := netip.AddrFromSlice(a.Addr.AsSlice())
	return netip.AddrPortFrom(ip, a.Port)
}
