package closepath

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"lastack/stack/flow"
	"lastack/stack/light"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/seqnum"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// lights stands in netstack's place for connections that need little of TCP (package
// light), if lastack.light says so: short ones that a peer opens to a listener that has
// asked for it (ListenLight). netstack hears of such a connection only when it wants more
// than that, and then has it as if it had had it from the start (promote.go).
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
	configs [2]light.Config

	mu        sync.RWMutex
	listeners map[uint16][]*LightListener

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
	if p.refused || c.closed && p.seg.PayloadLen > 0 || !c.conn.Plain(&p.seg, l.e.timeWait.now()) {
		l.promote(c, false)
		c.move.keep(f, p)
		return taken
	}
	l.receive(c, p)
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
func (l *lights) receive(c *Light, p *packet) {
	var data []byte
	if p.seg.PayloadLen > 0 {
		data = appendPayload(make([]byte, 0, p.seg.PayloadLen), p)
	}
	owes := c.conn.Receive(&p.seg, data, l.e.timeWait.now())
	events := waiter.EventMask(0)
	if p.step.Marks.Has(flow.Advances) {
		c.progress = l.e.clock.NowMonotonic()
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

// begin takes a SYN that a listener wants to have so. f.mu is held.
func (l *lights) begin(f *tracked, p *packet) verdict {
	if !opensFlow(&p.seg) || p.refused || !f.embryo || f.host != flow.Server || p.step.Marks.Has(flow.Again) || !l.may(f, &p.seg) {
		return pass
	}
	listener := l.reserve(p.seg.Dst)
	if listener == nil {
		return pass
	}
	c := &Light{e: l.e, f: f, listener: listener, waits: true}
	c.conn = light.New(&p.seg, l.number(f), &l.configs[index(&p.seg)])
	f.light = c
	l.taken.Add(1)
	s := c.conn.SYNACK()
	s.Tuple, s.Version = f.key, p.seg.Version
	s.TSVal = uint32(l.hash(f.key, 1)) + uint32(l.e.timeWait.now().Milliseconds())
	l.e.emit(f, &s, nil, l.place)
	c.after(synAckAfter, l.repeat)
	return taken
}

// may reports whether a SYN is one for a light connection.
func (l *lights) may(f *tracked, syn *segment.Segment) bool {
	e := l.e
	if l.forwarder == nil || e.observe || !e.tunables.Bool(tunable.Light) || e.tunables.Int(tunable.SynCookies) == 2 || e.closed.Load() {
		return false
	}
	if f.opening.accepted != nil || f.opening.offer != segment.NoFastOpen || !light.Takes(syn) {
		return false
	}
	return !l.ending(f.key)
}

// number is the connection's initial sequence number, by RFC 6528, or beyond the old
// connection on the 4-tuple.
func (l *lights) number(f *tracked) segment.Seq {
	if f.numbers.follows {
		return f.numbers.first
	}
	return segment.Seq(l.hash(f.key, 0)) + segment.Seq(l.e.timeWait.now()/(64*time.Nanosecond))
}

// hash is of a connection and a secret.
func (l *lights) hash(t segment.Tuple, purpose byte) uint64 {
	var b [16 + 36 + 1]byte
	copy(b[:], l.secret[:])
	copy(b[16:], t.Src.Addr[:])
	copy(b[32:], t.Dst.Addr[:])
	binary.BigEndian.PutUint16(b[48:], t.Src.Port)
	binary.BigEndian.PutUint16(b[50:], t.Dst.Port)
	b[52] = purpose
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint64(sum[:])
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

// repeat sends the SYN-ACK again, as often as netstack does.
func (l *lights) repeat(c *Light) {
	c.tries++
	if c.tries > synAckRetries {
		l.e.flows.forget(c.f)
		return
	}
	l.e.emit(c.f, &c.f.admitted.kept, nil, l.place)
	c.after(synAckAfter<<c.tries, l.repeat)
}

// waitForFIN bounds FIN_WAIT_2 of a connection that the application has closed
// (net.ipv4.tcp_fin_timeout).
func (l *lights) waitForFIN(c *Light) {
	c.after(time.Duration(l.e.tunables.Int(tunable.FinTimeout))*time.Second, func(c *Light) { l.e.flows.forget(c.f) })
}

// handshaking reports whether the peer has not acknowledged the SYN-ACK.
func (c *Light) handshaking() bool { return c.conn.Una() == c.conn.ISS }

// handshake takes a segment in SYN_RECEIVED; true if the connection is established. What is
// no acknowledgment of the SYN-ACK is answered with a RST (RFC 9293 3.10.7.4, fifth check in
// SYN-RECEIVED), as one that comes when nobody listens any more.
func (l *lights) handshake(c *Light, p *packet) bool {
	f, s := c.f, &p.seg
	switch done := !p.refused && f.conn.State(f.host) > flow.SynReceived; {
	case done && c.listener.push(c):
		c.stopTimer()
		c.conn.Open()
		return true
	case done, s.Flags.Has(segment.ACK) && s.Ack != c.conn.Next():
		l.e.admit.reset(f, s)
		if done {
			l.e.flows.forget(f)
		}
	}
	return false
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

// appendPayload appends a segment's data.
func appendPayload(dst []byte, p *packet) []byte {
	pieces, offset := views(p.buf)
	skip, n := offset+p.seg.PayloadStart, p.seg.PayloadLen
	for v := pieces.Front(); v != nil && n > 0; v = v.Next() {
		b := v.AsSlice()
		if skip >= len(b) {
			skip -= len(b)
			continue
		}
		b = b[skip:]
		skip = 0
		b = b[:min(n, len(b))]
		dst = append(dst, b...)
		n -= len(b)
	}
	return dst
}

func index(s *segment.Segment) int {
	if s.Version == 6 {
		return 1
	}
	return 0
}

// configure takes what netstack's connections are like, which a caller may have changed
// since.
func (l *lights) configure() {
	var buffer tcpip.TCPReceiveBufferSizeRangeOption
	var moderate tcpip.TCPModerateReceiveBufferOption
	var sack tcpip.TCPSACKEnabled
	_ = l.stack.TransportProtocolOption(tcp.ProtocolNumber, &buffer)
	_ = l.stack.TransportProtocolOption(tcp.ProtocolNumber, &moderate)
	_ = l.stack.TransportProtocolOption(tcp.ProtocolNumber, &sack)
	size, most := tcp.DefaultReceiveBufferSize, buffer.Max
	if !moderate {
		most = size
	}
	scale := uint8(tcp.FindWndScale(seqnum.Size(most)))
	for i, ip := range []int{header.IPv4MinimumSize, header.IPv6MinimumSize} {
		mss := int(l.e.MTU()) - ip - header.TCPMinimumSize
		window := uint32(min(size/2, 0xffff, 2*light.InitialWindow*mss)) >> scale << scale
		l.configs[i] = light.Config{
			MSS: uint16(mss), Window: max(window, 1), Scale: scale,
			// netstack counts what a segment takes in memory, of that too which it answers.
			Full:     uint32(size/2 - 2*tcp.SegOverheadSize),
			Overhead: tcp.SegOverheadSize, SACK: bool(sack),
		}
	}
}
