package closepath

import (
	"crypto/rand"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"lastack/stack/flow"
	"lastack/stack/light"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// lights stands in netstack's place for connections that need little of TCP (package
// light), if lastack.light says so: short ones that a peer opens to a listener that has
// asked for it (ListenLight). netstack hears of such a connection only when it wants more
// than that, and then has it as if it had had it from the start (light_move.go).
//
// All other stages see its segments as they see netstack's.
type lights struct {
	e      *Endpoint
	place  int // in the chain
	secret [16]byte

	// stack and forwarder are of the netstack that connections are handed to; nil without one.
	stack     *netstack.Stack
	nic       tcpip.NICID
	forwarder *tcp.Forwarder

	// configs are for IPv4 and IPv6.
	configs atomic.Pointer[[2]light.Config]

	mu        sync.RWMutex
	listeners map[uint16][]*LightListener

	// probes ring for the tails of connections.
	probes probeAlarms

	// moving are the connections on their way to netstack.
	moving  sync.Map // of segment.Tuple to *Light
	movings atomic.Int32
	// carriers are the goroutines that take them there.
	carriers sync.WaitGroup

	taken, promoted atomic.Uint64
}

func newLights(e *Endpoint) *lights {
	l := &lights{e: e, listeners: make(map[uint16][]*LightListener)}
	_, _ = rand.Read(l.secret[:]) // it never fails
	l.probes.init(e)
	return l
}

// attach says which netstack has the connections that want more.
func (l *lights) attach(s *netstack.Stack, nic tcpip.NICID) {
	l.stack, l.nic = s, nic
	l.forwarder = tcp.NewForwarder(s, 0, math.MaxInt, l.create)
}

// Light is a connection that the close path has, or had, in netstack's place. Its methods
// are those of a tcpip.Endpoint that a connection needs, and may be called from several
// goroutines. Those that a light connection does not know promote it.
type Light struct {
	e        *Endpoint
	f        *tracked
	wq       waiter.Queue
	listener *LightListener
	waits    bool // on the listener's queue, or on the way there; guarded by the listener

	// The flow's lock guards the rest.
	conn  *light.Conn
	phase lightPhase
	// closed: the application has closed it.
	closed bool
	// options are those that the application has asked for or set; nil if none.
	options *tcpip.SocketOptions
	// err is why it is over; nil where it came to its end in order.
	err   tcpip.Error
	timer tcpip.Timer
	tries int
	probe probing
	// progress is when the peer last acknowledged something, or when the first of what is
	// under way left.
	progress tcpip.MonotonicTime
	move     *move
	full     atomic.Pointer[tcp.Endpoint]
}

type lightPhase uint8

const (
	// alone: netstack does not know of the connection.
	alone lightPhase = iota
	// moving: it is on its way to netstack.
	moving
	// whole: netstack has it.
	whole
	// over: it ended without netstack.
	over
)

// inbound takes a connection's segments, and the SYN that begins one.
func (l *lights) inbound(f *tracked, p *packet) verdict {
	if f == nil {
		return l.strayIn(p)
	}
	c := f.light
	if c == nil {
		return l.begin(f, p)
	}
	switch c.phase {
	case whole:
		c.translate(p)
		return pass
	case moving:
		c.move.keep(f, p)
		return taken
	case over:
		return taken
	}
	if c.handshaking() && !l.handshake(c, p) {
		return taken
	}
	now := l.e.clock.NowMonotonic()
	if p.refused || c.closed && p.seg.PayloadLen > 0 || !c.conn.Plain(&p.seg, age(now)) {
		l.promote(c, false)
		c.move.keep(f, p)
		return taken
	}
	l.receive(c, p, now)
	return taken
}

// strayIn and strayOut are about segments of connections that the chain is through with:
// netstack may not be, and has other numbers then.
func (l *lights) strayIn(p *packet) verdict {
	key := p.seg.Reverse()
	if l.ending(key) {
		return taken
	}
	if d, ok := l.e.flows.departed.find(key, l.e.clock.NowMonotonic()); ok && !d.in(p) {
		return taken
	}
	return pass
}

func (l *lights) strayOut(p *packet) verdict {
	if l.ending(p.seg.Tuple) {
		if s := p.seg; s.Flags.Has(segment.SYN) {
			end := segment.Segment{Tuple: s.Reverse(), Version: s.Version, Flags: segment.RST, Seq: s.Ack}
			l.e.clock.AfterFunc(0, func() { l.e.deliverMade(&end) })
		}
		return taken
	}
	if d, ok := l.e.flows.departed.find(p.seg.Tuple, l.e.clock.NowMonotonic()); ok && !d.out(p) {
		return taken
	}
	return pass
}

// ending reports whether a connection has ended on its way to netstack.
func (l *lights) ending(key segment.Tuple) bool {
	if l.movings.Load() == 0 {
		return false
	}
	_, on := l.moving.Load(key)
	return on
}

// receive takes in a plain segment, and answers it.
func (l *lights) receive(c *Light, p *packet, now tcpip.MonotonicTime) {
	var data []byte
	if p.seg.PayloadLen > 0 {
		data = appendPayload(make([]byte, 0, p.seg.PayloadLen), p)
	}
	owes := c.conn.Receive(&p.seg, data, age(now))
	events := waiter.EventMask(0)
	if p.step.Marks.Has(flow.Advances) {
		l.advanced(c, now)
		events |= waiter.WritableEvents
	}
	if owes {
		events |= waiter.ReadableEvents
	}
	if p.seg.Flags.Has(segment.FIN) {
		events |= waiter.EventRdHUp
	}
	if owes {
		l.send(c, segment.ACK, c.conn.Next(), nil)
	}
	if c.phase == alone && c.closed && c.f.conn.State(c.f.host) == flow.FinWait2 {
		l.waitForFIN(c)
	}
	if events != 0 {
		c.wq.Notify(events)
	}
}

// outbound drops what netstack says of a connection that is not its own, and takes care of
// those that it has been given.
func (l *lights) outbound(f *tracked, p *packet) verdict {
	if f == nil {
		return l.strayOut(p)
	}
	if f.light == nil {
		return pass
	}
	switch c := f.light; c.phase {
	case whole:
		c.stampOut(p)
	case moving:
		return c.move.swallow(p)
	default:
		l.e.report(f, p, Dropped, Host, Out)
		return taken
	}
	return pass
}

// after sets the connection's timer. f.mu is held.
func (c *Light) after(d time.Duration, do func(*Light)) {
	c.stopTimer()
	var t tcpip.Timer
	t = c.e.clock.AfterFunc(d, func() {
		c.f.mu.Lock()
		if c.phase != alone || c.timer != t || c.e.closed.Load() {
			c.f.mu.Unlock()
			return
		}
		do(c)
		_ = c.e.drain(c.f) // a failed write is a lost segment
	})
	c.timer = t
}

func (c *Light) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// waitForFIN bounds FIN_WAIT_2 of a connection that the application has closed
// (net.ipv4.tcp_fin_timeout).
func (l *lights) waitForFIN(c *Light) {
	c.after(time.Duration(l.e.tunables.Int(tunable.FinTimeout))*time.Second, func(c *Light) { l.e.flows.forget(c.f) })
}

// send sends a segment of a connection's. f.mu is held; the caller drains the flow's queue.
func (l *lights) send(c *Light, flags segment.Flags, seq segment.Seq, data []byte) {
	s := l.e.own(c.f, flags, seq)
	s.Ack, s.Window = c.conn.Offer()
	if flags.Has(segment.RST) {
		s.Window = 0
	}
	l.e.emit(c.f, &s, data, l.place)
}

// abort resets a connection (RFC 9293 3.10.5). f.mu is held.
func (l *lights) abort(c *Light) {
	l.send(c, segment.RST|segment.ACK, c.conn.Next(), nil)
	l.e.flows.forget(c.f) // if the tracker has not
}

// left takes in that a flow has left the table. f.mu is held.
func (l *lights) left(f *tracked) {
	c := f.light
	if c == nil {
		return
	}
	c.stopTimer()
	switch c.phase {
	case alone:
		c.phase = over
		c.err = c.why()
		c.listener.drop(c)
		c.wq.Notify(waiter.EventHUp | waiter.EventErr | waiter.ReadableEvents | waiter.WritableEvents)
	case moving:
		c.move.failed = true
		c.move.cond.Broadcast()
	}
}

// why is the error of a connection that is over: nil after an orderly close.
func (c *Light) why() tcpip.Error {
	f := c.f
	switch host := f.host; {
	case f.conn.WasReset() && f.now.step.Before[host] == flow.CloseWait:
		return nil // reading finds the end, and writing fails with EPIPE, as in Linux
	case f.conn.WasReset():
		return &tcpip.ErrConnectionReset{}
	case f.conn.FINSent(host) && f.conn.FINSent(host.Other()):
		return nil
	}
	return &tcpip.ErrConnectionReset{} // given up
}

// close resets the light connections: their host goes.
func (l *lights) close() {
	l.probes.close()
	for _, f := range l.e.flows.all() {
		f.mu.Lock()
		switch c := f.light; {
		case c == nil:
		case c.phase == alone:
			l.abort(c)
		case c.phase == moving:
			c.move.failed = true
			c.move.cond.Broadcast()
		}
		_ = l.e.drain(f)
	}
}
