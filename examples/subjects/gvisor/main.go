// Command gvisor-subject serves an app on gVisor's netstack as it comes, on an inherited
// descriptor of a TUN.
package main

import (
	"fmt"
	"net"
	"strconv"

	"lastack/examples/subjects/serve"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

func main() { serve.Main(listen) }

func listen(c serve.Command) (net.Listener, error) {
	fd, err := strconv.Atoi(c.Device)
	if err != nil {
		return nil, fmt.Errorf("the number of a descriptor is wanted: %w", err)
	}
	ep, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: 1500})
	if err != nil {
		return nil, err
	}
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := s.CreateNIC(1, ep); err != nil {
		return nil, fmt.Errorf("making the NIC: %s", err)
	}
	at := tcpip.AddrFromSlice(c.Addr.AsSlice())
	addr := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: at.WithPrefix()}
	if err := s.AddProtocolAddress(1, addr, stack.AddressProperties{}); err != nil {
		return nil, fmt.Errorf("giving it its address: %s", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return gonet.ListenTCP(s, tcpip.FullAddress{NIC: 1, Addr: at, Port: c.App.Port}, ipv4.ProtocolNumber)
}
