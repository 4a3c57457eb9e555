package closepath

import (
	"bytes"
	"net/netip"
	"time"

	"lastack/stack/light"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// This file is about what netstack is told of a connection that is promoted.

// life is what netstack is told.
type life struct {
	syn, ack segment.Segment // ack is what each further segment of the peer's is like
	unread   []byte
	fin      bool // the peer's
	flight   []light.Piece
	shut     bool // the host's FIN is out
	finAcked bool
	closed   bool
	options  *tcpip.SocketOptions
}

// life reads the connection. f.mu is held.
func (c *Light) life() life {
	conn := c.conn
	v := life{
		syn: conn.SYN, unread: conn.Unread(), fin: conn.FINTaken(),
		flight: conn.Flight(), shut: conn.FINSent(), finAcked: conn.FINAcked(),
		closed: c.closed, options: c.options,
	}
	begin := conn.RcvNxt() - segment.Seq(len(v.unread))
	if v.fin {
		begin--
	}
	una := conn.Una()
	if v.finAcked {
		una-- // netstack is told of the FIN, and then that it is acknowledged
	}
	recent, _ := c.f.conn.TSRecent(c.f.host)
	v.syn.Seq, v.syn.TSVal, v.syn.TSEcr = begin-1, recent, 0
	v.ack = segment.Segment{
		Tuple: v.syn.Tuple, Version: v.syn.Version, Flags: segment.ACK,
		Seq: begin, Ack: una, Window: conn.WindowField(),
	}
	v.ack.HasTimestamps, v.ack.TSVal = v.syn.HasTimestamps, recent
	if c.move.lost && len(v.flight) > 0 {
		v.ack.Window = conn.RoomField(len(v.flight[0].Data))
	}
	c.f.numbers = numbers{follows: true, first: una - 1}
	return v
}

// introduce makes netstack's endpoint by a handshake. f.mu is held, and released meanwhile.
func (l *lights) introduce(c *Light, v *life) bool {
	m := c.move
	l.unlocked(c, func() { l.handSYN(&v.syn) })
	if !m.wait(func() bool { return m.hasSYN || m.created }) || !m.hasSYN {
		return false
	}
	ack := v.ack
	if m.synAck.HasTimestamps {
		rtt := c.f.finishing.rtt.srtt
		if m.lost {
			// Twice the timeout that has passed (RFC 6298 5.5), of which a first measurement
			// is a third.
			rtt = 2 * c.f.finishing.rtt.timeout() / 3
		}
		ack.TSEcr = echo(m.synAck.TSVal, max(rtt, time.Millisecond))
	}
	l.deliver(c, &ack, nil)
	if !m.wait(func() bool { return m.created }) || m.ep == nil {
		return false
	}
	if r := &c.f.finishing.rtt; r.measured {
		// By itself netstack would take a round trip from a window that is full already, with
		// the time that data wait in queues, and open one that overflows them. Nothing has come
		// to the endpoint yet, so nothing else looks at it.
		m.ep.(*tcp.Endpoint).RcvAutoParams.RTT = r.srtt
	}
	return true
}

// relate tells netstack what the connection has come to. f.mu is held, and released
// meanwhile.
func (l *lights) relate(c *Light, v *life) bool {
	m := c.move
	if !l.nudge(c, v) {
		return false
	}
	s := v.ack
	for rest := v.unread; len(rest) > 0; {
		n := min(len(rest), chunk)
		l.deliver(c, &s, rest[:n])
		s.Seq += segment.Seq(n)
		rest = rest[n:]
	}
	if v.fin {
		end := s
		end.Flags |= segment.FIN
		l.deliver(c, &end, nil)
		s.Seq++
	}
	if s.Seq != v.ack.Seq && !m.wait(func() bool { return m.acked == s.Seq }) {
		return false
	}
	// netstack does not open its window further for little data. The application of a light
	// connection may have written since, at which that opened it.
	if len(v.unread) > 0 && !v.fin && m.edge.Less(c.f.conn.WindowEnd(c.f.host)) && !l.nudge(c, v) {
		return false
	}
	l.unlocked(c, func() { resume(m.ep, v) })
	if v.finAcked && !m.failed {
		s.Ack++
		l.deliver(c, &s, nil)
	}
	return !m.failed
}

// nudge has netstack acknowledge a byte that it has already. f.mu is held, and released
// meanwhile.
func (l *lights) nudge(c *Light, v *life) bool {
	s, seen := v.ack, c.move.acks
	s.Seq--
	l.deliver(c, &s, []byte{0})
	return c.move.wait(func() bool { return c.move.acks > seen })
}

// chunk is how much data a made-up segment brings at most.
const chunk = 16 << 10

// resume does again what the application has done. Each piece is a segment as before.
func resume(ep tcpip.Endpoint, v *life) {
	for _, p := range v.flight {
		_, _ = ep.Write(bytes.NewReader(p.Data), tcpip.WriteOptions{}) // the send buffer holds more than a light connection
	}
	copyOptions(ep.SocketOptions(), v.options)
	switch {
	case v.closed && len(v.unread) == 0:
		ep.Close()
	case v.shut:
		_ = ep.Shutdown(tcpip.ShutdownWrite)
	}
}

// deliver hands netstack a segment of the peer's, by the numbers of the wire.
func (l *lights) deliver(c *Light, s *segment.Segment, data []byte) {
	own := *s
	own.Ack -= c.f.numbers.shift
	p := made(&own, data)
	l.unlocked(c, func() {
		l.e.Endpoint.DeliverNetworkPacket(protocolOf(&own), p.buf)
		p.buf.DecRef()
	})
}

// handSYN hands the SYN to the forwarder, which makes an endpoint that no listener has.
func (l *lights) handSYN(syn *segment.Segment) {
	b := segment.Append(nil, syn, nil)
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	defer pkt.DecRef()
	pkt.NICID, pkt.NetworkProtocolNumber, pkt.RXChecksumValidated = l.nic, protocolOf(syn), true
	ip := header.IPv4MinimumSize
	if syn.Version == 6 {
		ip = header.IPv6MinimumSize
	}
	if _, ok := pkt.NetworkHeader().Consume(ip); !ok {
		return
	}
	if _, ok := pkt.TransportHeader().Consume(len(b) - ip); !ok {
		return
	}
	pkt.TransportProtocolNumber = tcp.ProtocolNumber
	l.forwarder.HandlePacket(endpointID(syn.Reverse()), pkt)
}

// endpointID is netstack's form of a tuple (Src is the host).
func endpointID(t segment.Tuple) netstack.TransportEndpointID {
	return netstack.TransportEndpointID{
		LocalPort: t.Src.Port, LocalAddress: address(t.Src), RemotePort: t.Dst.Port, RemoteAddress: address(t.Dst),
	}
}

// create is the forwarder's handler.
func (l *lights) create(r *tcp.ForwarderRequest) {
	id := r.ID()
	key := segment.Tuple{
		Src: endpointOf(id.LocalAddress, id.LocalPort),
		Dst: endpointOf(id.RemoteAddress, id.RemotePort),
	}
	v, on := l.moving.Load(key)
	if !on {
		r.Complete(false)
		return
	}
	c := v.(*Light)
	m := c.move
	c.f.mu.Lock()
	m.creating = true
	failed := m.failed
	c.f.mu.Unlock()
	var ep tcpip.Endpoint
	if !failed {
		if made, err := r.CreateEndpoint(&c.wq); err == nil {
			ep = made
		}
	}
	r.Complete(false)
	c.f.mu.Lock()
	m.created, m.ep = true, ep
	abandoned := m.abandoned
	m.cond.Broadcast()
	c.f.mu.Unlock()
	if abandoned {
		l.forget(c)
		if ep != nil {
			ep.Abort()
		}
	}
}

// endpointOf is the reverse of address.
func endpointOf(a tcpip.Address, port uint16) segment.Endpoint {
	addr, _ := netip.AddrFromSlice(a.AsSlice()) // of 4 or 16 bytes
	return segment.EndpointFrom(netip.AddrPortFrom(addr, port))
}
