package closepath

import (
	"sync"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// This file is about wrapped endpoints whose link has addresses, an Ethernet's. netstack
// resolves them before a packet comes here. A segment that the close path made, such as
// an answer of TIME_WAIT, goes to the link address that the host last used for the peer.
// The link's header is put on last, so that all stages see packets that begin with IP's.

// maxNeighbours bounds the memory of link addresses. Beyond it each new one displaces
// another, whose peer then misses an answer until the host itself sends to it.
const maxNeighbours = 4096

// linkRoute is what a link endpoint needs to address a frame.
type linkRoute struct{ local, remote tcpip.LinkAddress }

// neighbours are the link addresses that netstack sent to.
type neighbours struct {
	mu     sync.RWMutex
	routes map[[16]byte]linkRoute
}

// learn remembers where an outgoing packet of netstack's goes.
func (n *neighbours) learn(s *segment.Segment, buf *netstack.PacketBuffer) {
	r := linkRoute{buf.EgressRoute.LocalLinkAddress, buf.EgressRoute.RemoteLinkAddress}
	if r.remote == "" || n.known(s.Dst.Addr) == r {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.routes == nil {
		n.routes = make(map[[16]byte]linkRoute)
	}
	if _, known := n.routes[s.Dst.Addr]; !known && len(n.routes) >= maxNeighbours {
		for a := range n.routes {
			delete(n.routes, a)
			break
		}
	}
	n.routes[s.Dst.Addr] = r
}

func (n *neighbours) known(a [16]byte) linkRoute {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.routes[a]
}

// AddHeader implements stack.LinkEndpoint. The wrapped endpoint's header is added when the
// packet is written.
func (e *Endpoint) AddHeader(*netstack.PacketBuffer) {}

// address addresses packets that leave for the wrapped endpoint.
func (e *Endpoint) address(pkts *netstack.PacketBufferList) {
	if !e.framed {
		return
	}
	for _, buf := range pkts.AsSlice() {
		if len(buf.LinkHeader().Slice()) > 0 {
			continue // written before
		}
		if buf.EgressRoute.RemoteLinkAddress == "" {
			if s, err := parse(buf); err == nil {
				r := e.neighbours.known(s.Dst.Addr)
				buf.EgressRoute.LocalLinkAddress, buf.EgressRoute.RemoteLinkAddress = r.local, r.remote
			}
		}
		e.Endpoint.AddHeader(buf)
	}
}

// room moves an outgoing packet that the close path made to a buffer with room for the
// link's header. The new buffer is the caller's, the old one is gone.
func (e *Endpoint) room(s *segment.Segment, buf *netstack.PacketBuffer) *netstack.PacketBuffer {
	if !e.framed {
		return buf
	}
	defer buf.DecRef()
	whole := appendPacket(nil, buf)
	n := s.PayloadStart
	roomy := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		ReserveHeaderBytes: int(e.MaxHeaderLength()) + n,
		Payload:            buffer.MakeWithData(whole[n:]),
	})
	copy(roomy.NetworkHeader().Push(n), whole)
	roomy.NetworkProtocolNumber, roomy.GSOOptions = buf.NetworkProtocolNumber, buf.GSOOptions
	return roomy
}

// views are the pieces of a packet and where in the first one IP's header begins.
func views(buf *netstack.PacketBuffer) (buffer.ViewList, int) {
	all, offset := buf.AsViewList()
	return all, offset + len(buf.LinkHeader().Slice())
}

// flat is a copy of a packet in one piece, from IP's header on. The caller releases it.
func flat(buf *netstack.PacketBuffer) *buffer.View {
	v := buf.ToView()
	v.TrimFront(len(buf.LinkHeader().Slice()))
	return v
}
