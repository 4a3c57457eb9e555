package closepath

import (
	"sync"

	"lastack/stack/light"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
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
//	that byte again, if the wire has a wider window
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
	edge   segment.Seq // of the window that it offers
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
	if h := &c.f.finishing; h.on && !lost && c.underWay() > 1 {
		// The alarm may be near, for a probe; netstack has timers of its own, which begin now.
		l.e.finish.start(c.f, c.e.clock.NowMonotonic().Add(minRTO/2))
	}
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
	m.edge = s.Ack + segment.Seq(s.Window)<<c.conn.Scale()
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

// carry does the whole of a promotion, and then hands over what came meanwhile.
func (l *lights) carry(c *Light) {
	c.f.mu.Lock()
	v := c.life()
	if l.introduce(c, &v) && l.relate(c, &v) {
		l.flush(c)
	} else {
		l.fail(c)
	}
	c.f.mu.Unlock()
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
	c.phase = over
	if m.failed {
		c.err = c.why()
	} else {
		c.err = &tcpip.ErrConnectionAborted{}
		l.abort(c)
	}
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
