package closing

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// The port of all listeners, and the only ephemeral one.
const (
	Port      = 80
	Ephemeral = 5000
)

// NewStack is a netstack with one address on nothing yet: the caller makes its NIC 1, and
// then calls Up.
func NewStack(t *testing.T) *stack.Stack {
	t.Helper()
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	t.Cleanup(func() { s.Close(); s.Wait() })
	if err := s.SetPortRange(Ephemeral, Ephemeral); err != nil {
		t.Fatal(err)
	}
	return s
}

// Up gives NIC 1 of the stack its address and all routes.
func Up(t *testing.T, s *stack.Stack, addr netip.Addr) {
	t.Helper()
	if err := s.AddProtocolAddress(1, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddrFromSlice(addr.AsSlice()).WithPrefix(),
	}, stack.AddressProperties{}); err != nil {
		t.Fatal(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
}

// SideOf is a netstack with one address as a Side.
func SideOf(s *stack.Stack, own, other netip.Addr) Side {
	return Side{
		Listen: func() (net.Listener, error) { return gonet.ListenTCP(s, full(own), ipv4.ProtocolNumber) },
		Dial: func(ctx context.Context) (net.Conn, error) {
			c, err := gonet.DialContextTCP(ctx, s, full(other), ipv4.ProtocolNumber)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
	}
}

func full(a netip.Addr) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFromSlice(a.AsSlice()), Port: Port}
}

// Pump hands the packets that a channel endpoint sends to f until the test ends; f may keep them.
func Pump(t *testing.T, from *channel.Endpoint, f func([]byte)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		for pkt := from.ReadContext(ctx); pkt != nil; pkt = from.ReadContext(ctx) {
			v := pkt.ToView()
			f(append([]byte(nil), v.AsSlice()...))
			v.Release()
			pkt.DecRef()
		}
	}()
}
