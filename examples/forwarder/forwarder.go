// Package forwarder is a gateway in the manner of tun2socks: it takes every TCP connection,
// whatever address and port it is for, and gives it to a handler.
package forwarder

import (
	"net"

	"lastack/stack/closepath"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Attach makes the stack's NIC 1 on the link. With tunables it has a close path, which obeys them.
func Attach(s *stack.Stack, link stack.LinkEndpoint, tunables *tunable.Set, handle func(net.Conn)) tcpip.Error {
	if tunables != nil {
		link = closepath.ForStack(s, 1, link, closepath.Config{Tunables: tunables, Forwarder: true})
	}
	if err := s.CreateNIC(1, link); err != nil {
		return err
	}
	if err := s.SetPromiscuousMode(1, true); err != nil {
		return err
	}
	if err := s.SetSpoofing(1, true); err != nil {
		return err
	}
	fwd := tcp.NewForwarder(s, 0, 512, func(r *tcp.ForwarderRequest) {
		var wq waiter.Queue
		ep, err := r.CreateEndpoint(&wq)
		r.Complete(err != nil)
		if err == nil {
			handle(gonet.NewTCPConn(&wq, ep))
		}
	})
	s.SetTransportProtocolHandler(tcp.ProtocolNumber, fwd.HandlePacket)
	return nil
}
