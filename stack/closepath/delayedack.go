package closepath

import (
	"sync/atomic"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// delayedACK holds the host's pure ACKs back for a while, so that a later
// segment can say the same for nothing (RFC 9293 3.8.6.3, RFC 5681 4.2).
// netstack acknowledges everything at once; this stage sits outside of it and
// decides which of its ACKs the wire sees.
//
// At most one ACK a flow is held: a later one says all that it said. Only an
// ACK that acknowledges something new is ever held, and not all of those: see
// mayWait.
type delayedACK struct {
	e     *Endpoint
	place int // in the chain
}

// heldACK is a flow's share of the stage, guarded by the flow's lock.
type heldACK struct {
	// buf is the held packet, with a reference of ours; nil if none is held.
	buf *netstack.PacketBuffer
	seg segment.Segment
	// since is when the oldest ACK in the held one was sent by netstack, and
	// tsEcr that one's TSecr: RFC 7323 4.3 wants the timestamp of the earliest
	// segment being acknowledged, as the sender measures its round trip by it.
	since tcpip.MonotonicTime
	tsEcr uint32
	// gen tells a live alarm from one whose ACK is gone. It is written with
	// the flow's lock held.
	gen atomic.Uint32
	// quick counts the ACKs that went early because the connection was young; replied: it
	// no longer is (Linux's pingpong mode). short: the held ACK is such a one.
	quick   uint8
	replied bool
	short   bool
	// gap: the host asked for missing data (a duplicate ACK, or SACK blocks),
	// so the ACK that shows the gap filled must not wait (RFC 5681 4.2).
	gap bool
}

const (
	// tick is how long Linux holds the ACK of a FIN where no data came before, as its
	// estimate of the delay begins with the first data: until its timer ticks next, 250
	// times a second on common kernels. lastack holds the ACKs of a young connection's
	// data as long, which Linux sends at once: the peer notices nothing, and an answer
	// that comes by then carries the ACK.
	tick = 4 * time.Millisecond
	// quickACKs is how many ACKs Linux sends at once on a young connection
	// (TCP_MAX_QUICKACKS).
	quickACKs = 16
)

// inbound passes everything: the peer's segments change nothing here. When a RST ends the
// connection, the table drops the held ACK.
func (d *delayedACK) inbound(*tracked, *packet) verdict { return pass }

func (d *delayedACK) outbound(f *tracked, p *packet) verdict {
	if f == nil || f.gone.Load() {
		return pass
	}
	if !p.seg.PureACK() {
		f.ack.replied = f.ack.replied || p.seg.PayloadLen > 0
		d.supersede(f, p)
		return pass
	}
	wait := d.e.tunables.Bool(tunable.DelayedACK) && !d.e.closed.Load() && d.mayWait(f, &p.seg)
	d.note(f, &p.seg)
	if !wait {
		d.supersede(f, p)
		return pass
	}
	d.hold(f, p)
	return taken
}

// mayWait reports whether a pure ACK may be held. Everything but a plain
// acknowledgment of new data or of the peer's first FIN goes at once.
func (d *delayedACK) mayWait(f *tracked, s *segment.Segment) bool {
	peer := f.host.Other()
	sent, any := f.conn.LastAck(f.host)
	if !any {
		return false // completes a handshake: the peer is waiting for it
	}
	last, window := sent, f.conn.LastWindow(f.host)
	if f.ack.buf != nil {
		last, window = f.ack.seg.Ack, f.ack.seg.Window
	}
	end, closed := f.conn.FINTaken(peer)
	switch {
	case !last.Less(s.Ack):
		// A duplicate ACK, a window update, a keep-alive probe's answer.
		return false
	case s.Seq != f.conn.Next(f.host):
		return false // a probe of the host's own
	case s.SACKCount > 0 || f.ack.gap:
		return false // data is missing, or just arrived out of order
	case f.conn.FINSent(f.host) && closed && !s.Ack.Less(end):
		return false // the last ACK: nothing follows that could carry it
	case window == 0:
		return false // the peer waits for room
	case d.e.tunables.Bool(tunable.QuickACK) && d.young(f):
		f.ack.quick++
		return false
	}
	// RFC 9293 3.8.6.3: at least every second full-sized segment, whether
	// netstack counted them one by one or acknowledged several together.
	return s.Ack.Diff(sent) < 2*f.conn.FullSegment(peer)
}

// young reports whether Linux would acknowledge at once: the host has not sent data, the peer
// no FIN, and there have been few such ACKs.
func (d *delayedACK) young(f *tracked) bool {
	return !f.ack.replied && f.ack.quick < quickACKs && !f.conn.FINSent(f.host.Other())
}

// note remembers whether the host is missing data, by the ACK that it just sent.
func (d *delayedACK) note(f *tracked, s *segment.Segment) {
	last, _ := f.conn.LastAck(f.host)
	if f.ack.buf != nil {
		last = f.ack.seg.Ack
	}
	f.ack.gap = s.SACKCount > 0 || (s.Ack == last && s.Window == f.conn.LastWindow(f.host))
}

// hold keeps p's packet, in place of one already held, whose deadline stays.
func (d *delayedACK) hold(f *tracked, p *packet) {
	h, peer := &f.ack, f.host.Other()
	delay := d.e.tunables.Millis(tunable.DelayedACKms)
	switch {
	case h.buf != nil:
		d.e.reportHeld(f, Superseded)
		h.buf.DecRef()
		if h.short && f.conn.FINSent(peer) {
			h.short = false
			d.setAlarm(f, delay)
		}
	default:
		h.since = d.e.clock.NowMonotonic()
		h.tsEcr = p.seg.TSEcr
		if h.short = d.young(f); h.short {
			h.quick++
		}
		if h.short || !f.conn.SentData(peer) {
			delay = min(delay, tick)
		}
		d.setAlarm(f, delay)
	}
	h.buf = p.buf.IncRef()
	h.seg = p.seg
	d.e.report(f, p, Held, Host, Out)
}

// setAlarm schedules the held ACK for delay after its oldest part.
func (d *delayedACK) setAlarm(f *tracked, delay time.Duration) {
	f.ack.gen.Add(1)
	f.shard.acks.set(f.ack.since.Add(delay), f, f.ack.gen.Load())
}

// supersede drops the held ACK if the outgoing p says all that it said, and gives p the
// timestamp echo of the held one. Otherwise (p acknowledges less, or nothing) the ACK
// stays held.
func (d *delayedACK) supersede(f *tracked, p *packet) {
	h := &f.ack
	if h.buf == nil {
		return
	}
	reset := p.seg.Flags.Has(segment.RST)
	if !reset && (!p.seg.Flags.Has(segment.ACK) || p.seg.Ack.Less(h.seg.Ack)) {
		return
	}
	p.hold, p.held = flow.Carried, d.heldFor(f)
	if h.seg.HasTimestamps {
		setTSEcr(p, h.tsEcr)
	}
	d.e.reportHeld(f, Superseded)
	d.forget(f)
}

// expire sends the ACK whose alarm rang, unless something carried it meanwhile.
func (d *delayedACK) expire(f *tracked, gen uint32) {
	f.mu.Lock()
	if f.ack.buf == nil || d.stale(f, gen) {
		f.mu.Unlock()
		return
	}
	d.release(f, flow.Expired)
}

// flushAll sends every held ACK now.
func (d *delayedACK) flushAll() {
	for _, f := range d.e.flows.all() {
		f.mu.Lock()
		if f.ack.buf == nil {
			f.mu.Unlock()
			continue
		}
		d.release(f, flow.Flushed)
	}
}

// release sends the held ACK through the stages outside of this one. f.mu is
// held and will be released.
func (d *delayedACK) release(f *tracked, why flow.Hold) {
	h := &f.ack
	f.now = packet{seg: h.seg, buf: h.buf, hold: why, held: d.heldFor(f)}
	if h.seg.HasTimestamps {
		setTSEcr(&f.now, h.tsEcr)
	}
	// It is no longer held: should it end the flow, there is nothing to drop.
	buf := h.buf
	h.buf = nil
	h.gen.Add(1)
	if d.e.runOutbound(f, &f.now, d.place) == pass {
		f.enqueue(buf)
	}
	f.now.buf = nil
	buf.DecRef()
	// A failed write is a lost segment, from which TCP recovers.
	_ = d.e.drain(f)
}

// drop forgets the held ACK without sending it: the connection is gone.
func (d *delayedACK) drop(f *tracked) {
	if f.ack.buf != nil {
		d.e.reportHeld(f, Superseded)
		d.forget(f)
	}
}

func (d *delayedACK) forget(f *tracked) {
	f.ack.buf.DecRef()
	f.ack.buf = nil
	f.ack.gen.Add(1)
}

// stale reports whether an alarm was set for an ACK that is no longer held.
func (d *delayedACK) stale(f *tracked, gen uint32) bool { return f.ack.gen.Load() != gen }

func (d *delayedACK) heldFor(f *tracked) time.Duration {
	return d.e.clock.NowMonotonic().Sub(f.ack.since)
}

// reportHeld tells the observer what becomes of the held ACK.
func (e *Endpoint) reportHeld(f *tracked, kind Kind) {
	if e.tap == nil {
		return
	}
	p := e.strays.Get().(*packet)
	*p = packet{seg: f.ack.seg, buf: f.ack.buf, held: e.delayed.heldFor(f)}
	e.report(f, p, kind, Host, Out)
	*p = packet{}
	e.strays.Put(p)
}

// setTSEcr rewrites the timestamp echo of an outgoing packet. netstack pushes
// headers into a buffer that no other packet shares, so this is ours to change.
func setTSEcr(p *packet, v uint32) {
	if p.seg.TSEcr == v {
		return
	}
	pieces, offset := views(p.buf)
	front := pieces.Front()
	if front.Size()-offset < p.seg.PayloadStart {
		return // headers not in one piece: keep the later, still valid echo
	}
	p.seg.SetTSEcr(front.AsSlice()[offset:], v)
}
