package closepath

import (
	"sync"
	"time"

	"lastack/stack/light"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// A connection is promoted: netstack gets it in mid-life. It is told a life that ends
// where the connection is:
//
//	light                                            netstack
//	SYN, numbered before what is unread       --->
//	                                          <---   SYN-ACK, kept
//	ACK, which measures the known round trip  --->
//	a byte that netstack has already          --->
//	                                          <---   ACK, kept: its window is open now
//	what is unread, the peer's FIN            --->
//	                                          <---   ACK, kept
//	                    Write what is under way, Shutdown
//	                                          <---   data, FIN, kept: the wire has them
//	the ACK of the FIN                        --->
//	what came meanwhile                       --->
//
// The renumbering stage leads from netstack's sequence numbers to the wire's, as for a
// 4-tuple that comes back, and this one from its timestamps.

// move is a connection's way to netstack. The flow's lock guards it.
type move struct {
	c    *Light
	cond *sync.Cond
	done chan struct{} // closed when it is over
	// lost: a retransmission timer has rung. netstack then learns of room for the first
	// segment alone, which goes out again, and sends the others when that is acknowledged.
	lost bool
	// sent is SND.NXT of netstack's, by the wire's numbers, and una SND.UNA when it began.
	sent, una segment.Seq
	// blind: netstack knows no round trip. flight is what was under way when it began.
	blind  bool
	flight []light.Piece
	// synAck is netstack's, with the wire's number; shift leads from netstack's timestamps
	// to the wire's.
	synAck segment.Segment
	hasSYN bool
	shift  uint32
	acks   int         // that netstack has sent
	acked  segment.Seq // by the latest of them
	// ep is netstack's endpoint: creating it has begun, and is over, maybe in vain. abandoned:
	// nobody waits for it any more.
	ep                           tcpip.Endpoint
	creating, created, abandoned bool
	// failed: the connection has ended meanwhile.
	failed bool
	// queue is what came meanwhile; flushing: it is handed over.
	queue    []*late
	flushing bool
}

// maxQueued bounds what comes in while a connection is on its way: the rest counts as lost.
const maxQueued = 256

// promote hands a connection to netstack. f.mu is held; the rest happens in another
// goroutine.
func (l *lights) promote(c *Light, lost bool) {
	c.stopTimer()
	c.phase = moving
	c.move = &move{c: c, cond: sync.NewCond(&c.f.mu), done: make(chan struct{}), lost: lost, sent: c.conn.Una(), una: c.conn.Una()}
	l.promoted.Add(1)
	l.movings.Add(1)
	l.moving.Store(c.f.key, c)
	l.carriers.Go(func() { l.carry(c) })
}

// keep keeps a segment until netstack has the connection.
func (m *move) keep(f *tracked, p *packet) {
	if len(m.queue) >= maxQueued {
		return
	}
	p.buf.IncRef()
	m.queue = append(m.queue, &late{packet: *p, f: f, dir: In})
}

// swallow keeps what netstack sends and the wire has.
func (m *move) swallow(p *packet) verdict {
	c, s := m.c, &p.seg
	if s.Flags.Has(segment.SYN) {
		if !m.hasSYN {
			m.hasSYN, m.synAck = true, *s
			m.shift = c.f.stamp(c.e.timeWait.now()) - s.TSVal
			m.cond.Broadcast()
		}
		return taken
	}
	c.stampOut(p)
	if m.flushing || s.Flags.Has(segment.RST) {
		return pass
	}
	m.acks++
	m.acked = s.Ack
	m.cond.Broadcast()
	if s.Len() == 0 {
		if s.Ack.LessEq(c.conn.RcvNxt()) {
			return taken
		}
		return pass
	}
	if s.End().LessEq(c.f.conn.Next(c.f.host)) && !(m.lost && s.PayloadLen > 0) {
		return taken
	}
	return pass
}

// stamp is the TSval of a segment that the host sends now.
func (f *tracked) stamp(now time.Duration) uint32 {
	return f.tsVal + uint32((now - f.tsValAt).Milliseconds())
}

// stampOut gives a segment of netstack's the timestamp that the peer knows.
func (c *Light) stampOut(p *packet) {
	c.move.sent = c.move.sent.Max(p.seg.End())
	if c.move.blind && c.f.conn.Una(c.f.host) == c.f.conn.Next(c.f.host) {
		c.progress = c.e.clock.NowMonotonic()
	}
	if b := p.header(); b != nil && p.seg.HasTimestamps {
		p.seg.SetTSVal(b, p.seg.TSVal+c.move.shift)
	}
}

// translate gives a segment of the peer's the echo that netstack knows, and no
// acknowledgment of what netstack has still to send, but the wire has had: netstack drops
// such a segment.
func (c *Light) translate(p *packet) {
	stamped := p.seg.HasTimestamps && p.seg.TSEcr != 0
	early := p.seg.Flags.Has(segment.ACK) && c.move.sent.Less(p.seg.Ack) && !p.refused
	if !stamped && !early {
		return
	}
	b := p.incoming()
	if b == nil {
		return
	}
	if stamped {
		p.seg.SetTSEcr(b, p.seg.TSEcr-c.move.shift)
	}
	if early {
		p.seg.SetAck(b, c.move.sent)
	}
}

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

// carry does the whole of a promotion, and then hands over what came meanwhile.
func (l *lights) carry(c *Light) {
	c.f.mu.Lock()
	v := c.life()
	ok := l.introduce(c, &v)
	ok = ok && l.relate(c, &v)
	if ok {
		l.flush(c)
	} else {
		l.fail(c)
	}
	c.f.mu.Unlock()
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
	return m.wait(func() bool { return m.created }) && m.ep != nil
}

// relate tells netstack what the connection has come to. f.mu is held, and released
// meanwhile.
func (l *lights) relate(c *Light, v *life) bool {
	m := c.move
	nudge := v.ack
	nudge.Seq--
	seen := m.acks
	l.deliver(c, &nudge, []byte{0})
	if !m.wait(func() bool { return m.acks > seen }) {
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
	l.unlocked(c, func() { resume(m.ep, v) })
	if v.finAcked && !m.failed {
		s.Ack++
		l.deliver(c, &s, nil)
	}
	return !m.failed
}

// chunk is how much data a made-up segment brings at most.
const chunk = 16 << 10

// resume does again what the application has done. Each piece is a segment as before.
func resume(ep tcpip.Endpoint, v *life) {
	for _, p := range v.flight {
		r := payload(p.Data)
		_, _ = ep.Write(&r, tcpip.WriteOptions{}) // the send buffer holds more than a light connection
	}
	copyOptions(ep.SocketOptions(), v.options)
	switch {
	case v.closed && len(v.unread) == 0:
		ep.Close()
	case v.shut:
		_ = ep.Shutdown(tcpip.ShutdownWrite)
	}
}

// payload is a tcpip.Payloader.
type payload []byte

func (p *payload) Len() int { return len(*p) }
func (p *payload) Read(b []byte) (int, error) {
	n := copy(b, *p)
	*p = (*p)[n:]
	return n, nil
}

// wait waits for netstack; false if the connection has ended. f.mu is held, and released
// meanwhile.
func (m *move) wait(done func() bool) bool {
	for !done() && !m.failed {
		m.cond.Wait()
	}
	return !m.failed
}

// unlocked calls do without the flow's lock.
func (l *lights) unlocked(c *Light, do func()) {
	c.f.mu.Unlock()
	do()
	c.f.mu.Lock()
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

func endpointOf(a tcpip.Address, port uint16) segment.Endpoint {
	e := segment.Endpoint{Port: port}
	if b := a.AsSlice(); len(b) == 4 {
		e.Addr = [16]byte{10: 0xff, 11: 0xff}
		copy(e.Addr[12:], b)
	} else {
		copy(e.Addr[:], b)
	}
	return e
}

// flush hands over what came meanwhile, in order, and ends the promotion. f.mu is held, and
// released meanwhile.
func (l *lights) flush(c *Light) {
	m := c.move
	m.flushing = true
	for len(m.queue) > 0 {
		s := m.queue[0]
		m.queue[0] = nil
		m.queue = m.queue[1:]
		c.f.now = s.packet
		c.translate(&c.f.now)
		v, _ := l.e.arriveIn(c.f, l.place+1) // unlocks
		if v != taken {
			l.e.Endpoint.DeliverNetworkPacket(protocolOf(&s.seg), s.buf)
		}
		s.buf.DecRef()
		c.f.mu.Lock()
	}
	c.phase = whole
	if !m.lost && !c.conn.SYN.HasTimestamps {
		m.blind, m.flight = true, c.conn.Flight()
	}
	c.full.Store(m.ep.(*tcp.Endpoint))
	c.conn = nil
	l.end(c)
}

// fail ends a promotion whose connection has ended, or that netstack does not take.
func (l *lights) fail(c *Light) {
	m := c.move
	if !m.failed {
		l.send(c, segment.RST|segment.ACK, c.conn.Next(), nil)
		c.phase = over // so that the flow leaves as one that is over
		c.err = &tcpip.ErrConnectionAborted{}
		l.e.flows.forget(c.f)
	} else {
		c.err = c.why()
	}
	c.phase = over
	if m.ep != nil {
		ep := m.ep.(*tcp.Endpoint)
		l.unlocked(c, ep.Abort)
	}
	if m.abandoned = m.creating && !m.created; m.abandoned {
		// The handshake inside goes on; create ends what comes of it.
		l.unlocked(c, func() {
			if ep := Find(l.stack, l.nic, c.f.key); ep != nil {
				ep.Close()
			}
		})
	}
	for _, s := range m.queue {
		s.buf.DecRef()
	}
	m.queue = nil
	c.listener.drop(c)
	l.end(c)
}

// forget takes a connection off those that are on their way.
func (l *lights) forget(c *Light) {
	l.moving.Delete(c.f.key)
	l.movings.Add(-1)
}

// end wakes those that have waited for the end of the promotion.
func (l *lights) end(c *Light) {
	if !c.move.abandoned {
		l.forget(c)
	}
	close(c.move.done)
	c.wq.Notify(waiter.ReadableEvents | waiter.WritableEvents | waiter.EventHUp | waiter.EventErr)
}

// minds reports whether the data that the peer has not acknowledged are of a light
// connection, or of one that netstack got with them and without a round trip: there is no
// telling netstack of one where there are no timestamps, so that its timeout is a second (RFC
// 6298 2.1) until the peer acknowledges something. f.mu is held.
func (l *lights) minds(f *tracked) bool {
	c := f.light
	if c == nil || c.phase == over {
		return false
	}
	if c.phase == whole && c.move.blind && f.conn.Una(f.host) != c.move.una {
		c.move.see()
	}
	return c.phase != whole || c.move.blind
}

// see ends a connection's blindness.
func (m *move) see() { m.blind, m.flight = false, nil }

// overdue sends the first segment of data again, or has netstack send it, when its time has
// come. It reports when to look again. f.mu is held; the caller drains the flow's queue.
func (l *lights) overdue(f *tracked, now tcpip.MonotonicTime) time.Duration {
	c, rto := f.light, f.finishing.rtt.timeout()
	if c.phase == moving {
		return rto
	}
	if left := c.progress.Add(rto).Sub(now); left > 0 {
		return left
	}
	if c.phase == alone {
		l.promote(c, true)
		return rto
	}
	if len(c.move.flight) > 0 {
		first := c.move.flight[0]
		s := l.e.own(f, segment.PSH|segment.ACK, first.Seq)
		l.e.emit(f, &s, first.Data, l.place)
	} else {
		l.e.finish.probe(f)
	}
	c.move.see()
	return rto
}

// isLight reports whether the close path has the flow's connection in netstack's place.
func (f *tracked) isLight() bool {
	return f.light != nil && (f.light.phase == alone || f.light.phase == moving)
}
