package closepath_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"lastack/stack/closepath"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/pipe"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

func newStack() *netstack.Stack {
	return netstack.New(netstack.Options{
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
}

// up makes NIC 1, with an address.
func up(s *netstack.Stack, link netstack.LinkEndpoint, addr [4]byte) {
	if err := s.CreateNIC(1, link); err != nil {
		log.Fatal(err)
	}
	_ = s.AddProtocolAddress(1, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom4(addr).WithPrefix(),
	}, netstack.AddressProperties{})
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
}

// A netstack of one's own gets the close path by one call. Its peer, which has none, closes
// first, and the host's FIN carries the ACK.
func ExampleForStack() {
	here, there := pipe.New("", "", 1500)
	// No time passes here: on a busy machine the 4 ms would be over before the host closes for
	// which the ACK of the first FIN is held on a connection without data.
	host := netstack.New(netstack.Options{
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
		Clock:              faketime.NewManualClock(),
	})
	seen := make(chan string, 64)
	path := closepath.ForStack(host, 1, here, closepath.Config{
		Tap: func(e *closepath.Event) { // of one connection, one at a time
			if e.Kind == closepath.Seen && e.Point == closepath.Wire {
				seen <- fmt.Sprint(e.Dir, " ", e.Seg.Flags)
			}
		},
	})
	up(host, path, [4]byte{10, 0, 0, 2})

	peer := newStack()
	up(peer, there, [4]byte{10, 0, 0, 1})

	at := tcpip.FullAddress{Addr: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}), Port: 80}
	l, err := gonet.ListenTCP(host, at, ipv4.ProtocolNumber)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := gonet.DialContextTCP(ctx, peer, at, ipv4.ProtocolNumber)
	if err != nil {
		log.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	closeBoth(client, server)
	for range 6 { // the handshake has three
		fmt.Println(<-seen)
	}
	// Output:
	// in SYN
	// out SYN+ACK
	// in ACK
	// in FIN+ACK
	// out FIN+ACK
	// in ACK
}

func closeBoth(first, second net.Conn) {
	_ = first.Close()
	_, _ = io.ReadAll(second)
	_ = second.Close()
}

// Phase tells when a connection is in TIME_WAIT, and TimeWaits counts those that are.
func ExampleEndpoint_TimeWaits() {
	here, there := pipe.New("", "", 1500)
	host, peer := newStack(), newStack()
	gone := make(chan closepath.Phase, 2)
	path := closepath.ForStack(host, 1, here, closepath.Config{
		Phase: func(_ segment.Tuple, p closepath.Phase) { gone <- p },
	})
	up(host, path, [4]byte{10, 0, 0, 2})
	up(peer, there, [4]byte{10, 0, 0, 1})

	at := tcpip.FullAddress{Addr: tcpip.AddrFrom4([4]byte{10, 0, 0, 1}), Port: 80}
	l, err := gonet.ListenTCP(peer, at, ipv4.ProtocolNumber)
	if err != nil {
		log.Fatal(err)
	}
	client, err := gonet.DialTCP(host, at, ipv4.ProtocolNumber)
	if err != nil {
		log.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	closeBoth(client, server) // the host goes first
	fmt.Println("waits:", <-gone == closepath.Waiting)
	fmt.Println("in TIME_WAIT:", path.TimeWaits())
	// Output:
	// waits: true
	// in TIME_WAIT: 1
}
