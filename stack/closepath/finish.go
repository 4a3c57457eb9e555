package closepath

import (
	"sync/atomic"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// finish owns the host's FIN until it is acknowledged: it retransmits the FIN by RFC
// 6298, and gives the connection up as Linux does (net.ipv4.tcp_orphan_retries), so that
// none stays for ever in FIN_WAIT_1, CLOSING or LAST_ACK. It also probes the tail of the
// data where netstack has fallen silent (tail.go), and ends a connection that keep-alive
// gives up (keepalive.go).
//
// netstack has timers of its own, and they fail. Its loss recovery may leave its count of
// segments in flight (Outstanding, tcp/snd.go) at 0 while some are not acknowledged:
// SetPipe does not count a FIN, and the ACK of data that were sent twice is subtracted
// twice. postXmit arms the retransmission timer only if that count is positive. So once
// the tail loss probe is lost too, no timer runs, and the connection stands still for
// ever. Also, the timeout starts at several seconds after a lost SYN or SYN-ACK, because
// the copy carries the timestamp of the first (tcp/connect.go caches sendSYNOpts) and the
// round trip is measured from that; the timestamps stage fixes this. TCPRecovery(0),
// which turns RACK off, avoids the first fault and costs most of the speed on a lossy
// wire.
//
// Upstream: arm the timer while SND.UNA is below SND.NXT, and take TSval anew for each copy
// of a SYN.
//
// netstack's own copies of the FIN pass and count, unless one has just gone out or the
// connection is about to be given up.
type finish struct {
	e     *Endpoint
	place int // in the chain
}

// finishing is a flow's share of the stage, guarded by the flow's lock.
type finishing struct {
	rtt roundTrip
	// sent is when the latest copy of the FIN left, and rto how long its ACK may take.
	sent tcpip.MonotonicTime
	rto  time.Duration
	// copies counts those that a timeout sent, this stage's or netstack's. first is when
	// the one left from which Linux counts.
	copies int
	first  tcpip.MonotonicTime
	// sack: both sides have agreed on SACK.
	sack bool
	tail tail
	keep keepalive
	// on: a timer is set. soon: it is the first alarm of a light connection that may probe. gen
	// tells a live alarm from a stale one; it is written with the flow's lock held. timer is
	// the one behind the first alarm.
	on    bool
	soon  bool
	gen   atomic.Uint32
	timer tcpip.Timer
	// orphan: the application has closed the connection.
	orphan bool
}

const (
	// Linux's TCP_RTO_MIN, TCP_RTO_MAX and the retransmissions that
	// tcp_orphan_retries stands for at 0, and the default of tcp_retries2, which bounds
	// a connection that an application still has.
	minRTO        = 200 * time.Millisecond
	maxRTO        = 120 * time.Second
	orphanRetries = 8
	heldRetries   = 15
	// finGrain is how late a timer of a FIN may be, so that many share a firing.
	finGrain = 4 * time.Millisecond
)

// retryTime is how long Linux takes for so many retransmissions (tcp_model_timeout):
// timeouts double from the minimum until they reach the maximum.
func retryTime(retries int64) time.Duration {
	const doublings = 9 // of minRTO, to reach maxRTO
	if retries <= doublings {
		return (2<<retries - 1) * minRTO
	}
	return (2<<doublings-1)*minRTO + time.Duration(retries-doublings)*maxRTO
}

// limit is how long the flow's FIN, or the data in front of it, are sent again.
func (s *finish) limit(f *tracked) time.Duration {
	if !s.closed(f) {
		return retryTime(heldRetries)
	}
	n := s.e.tunables.Int(tunable.OrphanRetries)
	if n == 0 {
		n = orphanRetries
	}
	return retryTime(n)
}

// closed reports whether the application is through with the connection, as far as the
// endpoint is told.
func (s *finish) closed(f *tracked) bool {
	return f.finishing.orphan || !s.e.held && f.conn.FINSent(f.host)
}

func (s *finish) inbound(f *tracked, p *packet) verdict {
	if f == nil || s.e.observe {
		return pass
	}
	h := &f.finishing
	h.keep.answered()
	if !p.step.Marks.Has(flow.Advances) {
		return pass
	}
	if p.seg.Flags.Has(segment.SYN) {
		h.sack = h.sack && p.seg.SACKPermitted
	}
	h.rtt.acked(p.seg.Ack, s.e.clock)
	h.tail.acked(f.conn.Una(f.host))
	if h.on && h.tail.probes > 0 {
		h.tail.probes, h.tail.wait = 0, 0
		s.again(f, minRTO/2) // the timeout begins anew (RFC 6298 5.3)
	}
	if j := f.joining; j != nil && j.joined && f.conn.Una(f.host) == j.seq {
		s.alone(f)
	}
	if h.on && f.conn.FINAcked(f.host) {
		s.stop(f)
	}
	if f.light != nil && s.overdue(f) {
		s.copy(f)
	}
	return pass
}

func (s *finish) outbound(f *tracked, p *packet) verdict {
	if f == nil || s.e.observe || f.gone.Load() {
		return pass
	}
	if p.seg.Len() == 0 || p.seg.Flags.Has(segment.RST) {
		s.keepAlive(f, p)
		return pass
	}
	h := &f.finishing
	h.keep.answered()
	if p.seg.Flags.Has(segment.SYN) {
		h.sack = p.seg.SACKPermitted
		h.rtt.synSent(&p.seg, s.e.clock)
		return pass
	}
	h.rtt.sent(&p.seg, f.conn.Next(f.host), s.e.clock)
	if p.seg.Flags.Has(segment.FIN) && f.conn.FINSent(f.host) {
		now := s.e.clock.NowMonotonic()
		if p.seg.PayloadLen > 0 {
			h.tail.sent(p)
			h.copied(now)
			return pass
		}
		if p.hold == flow.HoldUnknown && (!s.stands(f) || h.copies > 0 && f.light != nil || s.spent(f, now)) {
			s.e.report(f, p, Dropped, Host, Out)
			// One has just gone out, or the alarm is about to give up; or netstack got the
			// connection without a round trip, so that its own timeout is another.
			return taken
		}
		h.copied(now)
		return pass
	}
	h.tail.sent(p)
	probed := s.e.lights.expects(f)
	switch {
	case p.seg.Flags.Has(segment.FIN):
		h.rto, h.sent = h.rtt.timeout(), s.e.clock.NowMonotonic()
		first := minRTO
		if p.seg.PayloadLen > 0 {
			first = minRTO / 2 // the tail's
		}
		if !probed {
			s.start(f, h.sent.Add(first))
		}
	case !h.on:
		s.start(f, s.e.clock.NowMonotonic().Add(minRTO/2))
	}
	return pass
}

// start sets the first alarm, which serves most: nothing is left to do when it rings.
func (s *finish) start(f *tracked, at tcpip.MonotonicTime) {
	h := &f.finishing
	h.on, h.soon = true, false
	h.gen.Add(1)
	f.shard.fins.set(at, f, h.gen.Load())
}

func (s *finish) stop(f *tracked) {
	h := &f.finishing
	h.on = false
	h.gen.Add(1)
	h.tail.release()
	h.keep.answered()
	if h.timer != nil {
		h.timer.Stop()
	}
}

func (s *finish) stale(f *tracked, gen uint32) bool { return f.finishing.gen.Load() != gen }

// expire is called when an alarm rings.
func (s *finish) expire(f *tracked, gen uint32) {
	f.mu.Lock()
	h := &f.finishing
	if !h.on || s.stale(f, gen) || f.gone.Load() || s.e.closed.Load() {
		f.mu.Unlock()
		return
	}
	h.soon = false
	now := s.e.clock.NowMonotonic()
	una, next := f.conn.Una(f.host), f.conn.Next(f.host)
	switch alone := f.conn.FINSent(f.host) && una+1 == next; {
	case !alone && una == next && !h.orphan:
		h.on = false // all is acknowledged; the next segment starts it again
		f.mu.Unlock()
	case !alone && s.e.lights.minds(f):
		s.again(f, s.e.lights.overdue(f, now))
		_ = s.e.drain(f) // a failed write is a lost segment
	case !alone:
		s.watchTail(f, now)
	case now.Before(h.sent.Add(h.rto)):
		s.again(f, h.sent.Add(h.rto).Sub(now))
		f.mu.Unlock()
	case s.spent(f, now):
		s.giveUp(f)
	default:
		s.resend(f)
	}
}

// spent reports whether the FIN has been sent again for as long as it may be.
func (s *finish) spent(f *tracked, now tcpip.MonotonicTime) bool {
	h := &f.finishing
	return h.copies > h.probes() && now.Sub(h.first) >= s.limit(f)
}

// probes is how many copies come before the first that Linux counts, and that doubles
// the timeout: one, as a probe of the tail, which Linux sends only with SACK.
func (h *finishing) probes() int {
	if h.sack {
		return 1
	}
	return 0
}

// copied takes in that the FIN leaves once more.
func (h *finishing) copied(now tcpip.MonotonicTime) {
	h.copies++
	h.sent = now
	if h.copies == h.probes()+1 {
		h.first = now
	}
	if h.copies > h.probes() {
		h.rto = min(2*h.rto, maxRTO)
	}
}

// resend sends the FIN once more. f.mu is held and will be released.
func (s *finish) resend(f *tracked) {
	s.copy(f)
	_ = s.e.drain(f) // a failed write is a lost segment, which the next copy makes up for
}

// copy sends the FIN once more, and sets the timer for the next. f.mu is held; the caller drains
// the flow's queue.
func (s *finish) copy(f *tracked) {
	s.copyOnce(f)
	s.again(f, f.finishing.rto)
}

// copyOnce is copy without a timer.
func (s *finish) copyOnce(f *tracked) {
	f.finishing.copied(s.e.clock.NowMonotonic())
	f.finishing.rtt.repeated(f.conn.Next(f.host) - 1)
	own := s.e.own(f, segment.FIN|segment.ACK, f.conn.Next(f.host)-1)
	s.e.emit(f, &own, nil, s.place)
}

// overdue reports whether the FIN, which stood behind data until now, should have been
// acknowledged by now as well (RFC 6298 5.4). netstack sends it then, unless it got the
// connection after the timeout and knows nothing of it.
func (s *finish) overdue(f *tracked) bool {
	h := &f.finishing
	return h.on && f.conn.FINSent(f.host) && f.conn.Una(f.host)+1 == f.conn.Next(f.host) &&
		!s.e.clock.NowMonotonic().Before(h.sent.Add(h.rto))
}

// alone takes in that the peer has acknowledged the data with which the FIN went, and not
// the FIN: the timeout begins anew (RFC 6298 5.3), and the FIN goes by itself.
func (s *finish) alone(f *tracked) {
	h := &f.finishing
	h.copies, h.sent, h.rto = 0, s.e.clock.NowMonotonic(), h.rtt.timeout()
	s.again(f, h.rto)
}

// stands reports whether no copy of the FIN has gone out for so long that another may.
func (s *finish) stands(f *tracked) bool {
	h := &f.finishing
	return h.copies == 0 || s.e.clock.NowMonotonic().Sub(h.sent) >= h.rto/2
}

// again sets the timer behind the first alarm. f.mu is held.
func (s *finish) again(f *tracked, d time.Duration) {
	h := &f.finishing
	gen := h.gen.Load()
	if h.timer != nil {
		h.timer.Stop()
	}
	h.timer = s.e.clock.AfterFunc(d, func() { s.expire(f, gen) })
}

// giveUp ends a connection whose peer is silent: the flow here, and netstack's endpoint
// by a RST that only netstack sees. f.mu is held and will be released.
func (s *finish) giveUp(f *tracked) {
	own := s.e.own(f, segment.RST, 0)
	end := segment.Segment{
		Tuple: f.key.Reverse(), Version: own.Version, Flags: segment.RST, Seq: own.Ack,
	}
	s.e.flows.forget(f)
	f.mu.Unlock()
	s.e.deliverMade(&end)
}

// close stops all timers, and lets go of what is kept.
func (s *finish) close() {
	for _, f := range s.e.flows.all() {
		f.mu.Lock()
		s.stop(f)
		f.mu.Unlock()
	}
}

// Orphan tells the endpoint that the application has closed a connection (Src is the
// host), for a Config with Held. It may be called before or after the FIN is sent, and of
// a connection that is not followed any more.
func (e *Endpoint) Orphan(t segment.Tuple) {
	f := e.flows.lookup(t)
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &f.finishing
	h.orphan = true
	if !h.on && !f.gone.Load() && !f.conn.FINAcked(f.host) {
		e.finish.start(f, e.clock.NowMonotonic().Add(minRTO/2))
	}
}
