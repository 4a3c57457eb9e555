package closepath

import (
	"time"

	"lastack/stack/fastopen"
	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// A server's part of Fast Open. For a SYN with data and a good cookie, the stage
// completes the handshake with netstack before the client does:
//
//	client                   fastOpen                       netstack
//	SYN, cookie, data  --->  keeps the data      SYN  --->
//	                                                  <---  SYN-ACK, kept
//	                         makes up   ACK and data  --->  to the application
//	                                                  <---  ACK of the data
//	                   <---  SYN-ACK of SYN and data
//	                   <---                           <---  response
//	ACK                --->                           --->
//
// A SYN with a good cookie and no data is taken likewise, as by Linux: the SYN-ACK goes at
// once, and the application may answer before the client's ACK.
//
// The SYN-ACK acknowledges the data only once netstack has: where the listener's queue is
// full or the window too small, the client sends them again. netstack sees sequence
// numbers, so nothing is delivered twice. Because netstack takes the handshake for
// finished, the stage repeats the SYN-ACK until the client's ACK comes, and then the
// response, which is of no use to a client without the SYN-ACK.

// accepted is a connection whose data, if any, was taken out of its SYN.
type accepted struct {
	stage acceptStage
	syn   segment.Segment
	data  []byte
	// synAck is netstack's, and later what the wire got instead.
	synAck segment.Segment
	// repeated: the SYN-ACK was sent more than once; tries counts the times that
	// nobody asked for.
	repeated bool
	tries    int
	response response
	timer    tcpip.Timer
	due      tcpip.MonotonicTime
}

type acceptStage uint8

const (
	// awaitingSYNACK: netstack has the SYN.
	awaitingSYNACK acceptStage = iota
	// awaitingACK: netstack has the data too, or is about to.
	awaitingACK
	// awaitingClient: the wire has the SYN-ACK.
	awaitingClient
)

const (
	// takeWithin is how long netstack may take to answer the SYN and take the data,
	// which is microseconds where nothing is in the way. Then the handshake goes on
	// as a plain one.
	takeWithin = 100 * time.Millisecond
	// synAckAfter is when the SYN-ACK is first repeated, each time doubling it, and
	// synAckRetries how often, as netstack does in a plain handshake.
	synAckAfter   = time.Second
	synAckRetries = 6
	// unmeasured is the round trip that gives netstack a timeout of a second, the initial
	// value of RFC 6298 2.1: the real round trip is not known yet.
	unmeasured = time.Second / 3
)

// welcome looks at a client's SYN.
func (o *fastOpen) welcome(f *tracked, p *packet) {
	syn := p.seg
	// Neither netstack nor the stages inside of this one take data from a SYN.
	p.seg.PayloadLen = 0
	wants := syn.FastOpen != segment.NoFastOpen
	if !wants && syn.PayloadLen == 0 || !o.may(serverBit) || p.step.Marks.Has(flow.Again) || syn.Flags.Has(segment.FIN) {
		return
	}
	worth := fastopen.Bad
	if syn.Cookie.Len > 0 {
		worth = o.ring.Check(syn.Tuple, syn.Cookie)
	}
	if wants && worth != fastopen.Good {
		f.opening.offer = syn.FastOpen
	}
	switch {
	case worth != fastopen.Bad, syn.PayloadLen > 0 && o.may(serverNoCookieBit):
		o.accept(f, &syn, p)
	case !wants:
		return
	case worth == fastopen.Bad && syn.Cookie.Len > 0:
		o.passiveFail.Add(1)
	case syn.Cookie.Len == 0:
		o.cookieRequests.Add(1)
	}
	if wants && f.opening.accepted == nil && o.full() {
		f.opening.offer = segment.NoFastOpen // it would bring more than there is room for
	}
}

// full reports whether there are as many handshakes with data as there may be.
func (o *fastOpen) full() bool { return o.pending.Load() >= o.e.tunables.Int(tunable.FastOpenPending) }

// accept keeps the data of a SYN for netstack.
func (o *fastOpen) accept(f *tracked, syn *segment.Segment, p *packet) {
	b := appendPacket(make([]byte, 0, syn.PayloadStart+syn.PayloadLen), p.buf)
	end := syn.PayloadStart + syn.PayloadLen
	if o.pending.Add(1) > o.e.tunables.Int(tunable.FastOpenPending) {
		o.pending.Add(-1)
		o.overflows.Add(1)
		return
	}
	a := &accepted{syn: *syn, data: b[syn.PayloadStart:end]}
	f.opening.accepted = a
	o.expect(f, takeWithin)
}

// expect sets the timer of an accepted connection.
func (o *fastOpen) expect(f *tracked, d time.Duration) {
	a := f.opening.accepted
	a.due = o.e.clock.NowMonotonic().Add(d)
	if a.timer == nil {
		a.timer = o.after(d, func() { o.expire(f, a) })
		return
	}
	a.timer.Stop()
	a.timer.Reset(d)
}

// settle ends the stage's part in a server's connection, if it has one still: what
// the stage sends may end the flow. f.mu is held.
func (o *fastOpen) settle(f *tracked) {
	a := f.opening.accepted
	if a == nil {
		return
	}
	a.timer.Stop()
	release(a.response.take())
	f.opening.accepted = nil
	o.pending.Add(-1)
}

// answer handles netstack's segments on their way to the wire.
func (o *fastOpen) answer(f *tracked, p *packet) verdict {
	a, s := f.opening.accepted, &p.seg
	isSYNACK := s.Flags.Has(segment.SYN | segment.ACK)
	switch a.stage {
	case awaitingSYNACK:
		if !isSYNACK {
			return pass
		}
		a.stage, a.synAck = awaitingACK, *s
		o.e.report(f, p, Translated, Host, Out)
		if len(a.data) == 0 {
			o.acknowledge(f, nil) // netstack will say nothing
		}
		o.after(0, func() { o.feed(f, a) })
		return taken
	case awaitingACK:
		if isSYNACK {
			return taken // takeWithin is nearly over
		}
		o.acknowledge(f, s)
		if s.PureACK() && s.Ack == a.synAck.Ack {
			o.e.report(f, p, Translated, Host, Out) // the SYN-ACK has said it
			return taken
		}
	case awaitingClient:
		if isSYNACK {
			o.settle(f) // netstack is still shaking hands, and knows how
			return pass
		}
		o.took(f, s) // late, but before the SYN-ACK goes again
	}
	if f.opening.accepted == a {
		a.response.keep(p)
	}
	return pass
}

// feed completes the handshake in the client's name, with the data.
func (o *fastOpen) feed(f *tracked, a *accepted) {
	f.mu.Lock()
	if f.opening.accepted != a || a.stage != awaitingACK && len(a.data) > 0 {
		f.mu.Unlock()
		return
	}
	flags := segment.ACK
	if len(a.data) > 0 {
		flags |= segment.PSH
	}
	s := segment.Segment{
		Tuple: a.syn.Tuple, Version: a.syn.Version, Flags: flags,
		Seq: a.syn.Seq + 1, Ack: a.synAck.Seq + 1,
		Window: scaled(&a.syn, a.syn.HasWindowScale && a.synAck.HasWindowScale),
	}
	if a.synAck.HasTimestamps {
		s.HasTimestamps, s.TSVal, s.TSEcr = true, a.syn.TSVal, echo(a.synAck.TSVal, unmeasured)
	}
	f.mu.Unlock()
	o.deliver(&s, a.data)
}

// acknowledge sends the SYN-ACK, in front of the segment by which netstack tells how
// much of the data it has; nil if it has none.
func (o *fastOpen) acknowledge(f *tracked, s *segment.Segment) {
	a := f.opening.accepted
	a.stage, a.synAck.Ack = awaitingClient, a.syn.Seq+1
	if s != nil {
		o.took(f, s)
	}
	if f.opening.taken > 0 || len(a.data) == 0 {
		o.passive.Add(1)
	} else {
		o.passiveFail.Add(1)
	}
	if f.opening.offer != segment.NoFastOpen {
		a.synAck.FastOpen, a.synAck.Cookie = f.opening.offer, o.ring.Cookie(a.syn.Tuple)
	}
	o.expect(f, synAckAfter)
	o.send(f, &a.synAck, nil)
}

// took makes the SYN-ACK acknowledge as much of the data as netstack's segment does.
func (o *fastOpen) took(f *tracked, s *segment.Segment) {
	a := f.opening.accepted
	n := min(s.Ack.Diff(a.syn.Seq+1), len(a.data))
	if s.Flags.Has(segment.ACK) && n > f.opening.taken {
		f.opening.taken = n
		a.synAck.Ack = a.syn.Seq + 1 + segment.Seq(n)
	}
}

// confirm handles the client's segments until its handshake is over too.
func (o *fastOpen) confirm(f *tracked, p *packet) verdict {
	a, s := f.opening.accepted, &p.seg
	switch {
	case opensFlow(s):
		// The SYN again, whatever it carries. The answer is on its way, or was lost.
		if a.stage == awaitingClient {
			o.repeat(f)
		}
		o.e.report(f, p, Dropped, Host, In)
		return taken
	case a.stage == awaitingClient && acknowledges(s) && a.synAck.Seq.Less(s.Ack) && s.Ack.LessEq(f.conn.Next(f.host)):
		if a.repeated {
			o.respond(f, s.Ack)
		}
		o.settle(f)
	}
	return pass
}

// repeat sends the SYN-ACK again.
func (o *fastOpen) repeat(f *tracked) {
	a := f.opening.accepted
	a.repeated = true
	o.send(f, &a.synAck, nil)
}

// expire is called when an accepted connection has waited long enough.
func (o *fastOpen) expire(f *tracked, a *accepted) {
	f.mu.Lock()
	if f.opening.accepted != a || o.e.clock.NowMonotonic().Before(a.due) {
		f.mu.Unlock()
		return
	}
	switch {
	case a.stage == awaitingSYNACK:
		o.settle(f) // nobody listens, or the listener's queue is full
	case a.stage == awaitingACK:
		o.acknowledge(f, nil)
	case a.tries < synAckRetries:
		a.tries++
		o.expect(f, synAckAfter<<a.tries)
		o.repeat(f)
	default:
		o.giveUp(f, a)
		return
	}
	// A failed write is a lost segment, from which TCP recovers.
	_ = o.e.drain(f)
}

// giveUp makes netstack forget a connection whose client never acknowledged the SYN-ACK.
// f.mu is held and will be released.
func (o *fastOpen) giveUp(f *tracked, a *accepted) {
	next, _ := f.conn.LastAck(f.host)
	s := segment.Segment{Tuple: a.syn.Tuple, Version: a.syn.Version, Flags: segment.RST, Seq: next}
	o.e.flows.forget(f)
	f.mu.Unlock()
	o.deliver(&s, nil)
}

// give puts a cookie into netstack's SYN-ACK.
func (o *fastOpen) give(f *tracked, p *packet) verdict {
	if !p.seg.Flags.Has(segment.SYN | segment.ACK) {
		return pass
	}
	s := p.seg
	s.FastOpen, s.Cookie = f.opening.offer, o.ring.Cookie(s.Reverse())
	o.e.report(f, p, Translated, Host, Out)
	o.send(f, &s, nil)
	return taken
}
