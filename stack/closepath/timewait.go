package closepath

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/timewait"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// timeWait answers for the connections in TIME_WAIT in netstack's place
// (RFC 9293 3.10.7.4, with Linux's rules; see package timewait). netstack keeps
// a whole endpoint for each; the stage keeps a record in a table without
// pointers, from the moment the last ACK has gone out.
//
// netstack must not keep a TIME_WAIT of its own for long: its
// TCPTimeWaitTimeoutOption is to be a few milliseconds.
type timeWait struct {
	e     *Endpoint
	place int // in the chain
	table *timewait.Table
	peers peerStamps

	overflows atomic.Uint64

	// The timer of the next expiry. wake is when it fires, or noWake.
	mu    sync.Mutex
	timer tcpip.Timer
	wake  atomic.Int64
}

const (
	noWake = math.MaxInt64
	// expiryGrain is how long the timer rests at least between expiries.
	expiryGrain = 4 * time.Millisecond
)

func newTimeWait(e *Endpoint) *timeWait {
	w := &timeWait{e: e}
	w.table = timewait.New(func(t segment.Tuple) { e.tell(t, Gone) })
	w.wake.Store(noWake)
	return w
}

// now is the clock's time as package timewait counts it.
func (w *timeWait) now() time.Duration { return age(w.e.clock.NowMonotonic()) }

// age is a time of the clock as package timewait, and others without a clock, count it.
func age(at tcpip.MonotonicTime) time.Duration { return at.Sub(tcpip.MonotonicTime{}) }

// life is how long TIME_WAIT lasts from now on.
func (w *timeWait) life() time.Duration { return 2 * w.e.tunables.Millis(tunable.MSLms) }

func (w *timeWait) rules() timewait.Rules {
	return timewait.Rules{
		Life:      w.life(),
		RFC1337:   w.e.tunables.Bool(tunable.RFC1337),
		RateLimit: w.e.tunables.Millis(tunable.InvalidRatelimit),
	}
}

func (w *timeWait) inbound(f *tracked, p *packet) verdict {
	if w.refused(f, &p.seg) {
		w.e.report(f, p, Dropped, Wire, In)
		if f != nil && f.embryo {
			w.e.flows.forget(f)
		}
		return taken
	}
	if f != nil {
		if !w.e.observe && f.idle(p) {
			w.e.report(f, p, Dropped, Wire, In)
			return taken
		}
		return pass
	}
	if w.table.Len() == 0 || w.e.observe || p.refused {
		return pass
	}
	rules, now := w.rules(), w.now()
	v, rec := w.table.Arrive(&p.seg, now, &rules)
	if v != timewait.Unknown {
		w.arm(now + rules.Life) // it may have started again with a shorter life
	}
	switch v {
	case timewait.Unknown:
		return pass
	case timewait.Reply:
		w.reply(&rec)
	case timewait.Reopen:
		return w.reopen(p, &rec)
	case timewait.Ignore:
		// If netstack missed the ACK of its FIN (CLOSING), this is it again.
		if w.e.alive != nil && w.e.alive(rec.Tuple) {
			return pass
		}
	}
	return taken
}

// idle reports whether an incoming segment tells the host nothing at all: a pure ACK
// behind both FINs that acknowledges no more than the one before. Peers send it in answer
// to a retransmission of netstack's. netstack would find it behind the FIN that takes it
// to TIME_WAIT, and where netstack is busy, its processors would spin on an endpoint that
// is being taken down, until no other goroutine gets to run.
func (f *tracked) idle(p *packet) bool {
	peer := f.host.Other()
	end, sent := f.conn.FINTaken(peer)
	return p.seg.PureACK() && !p.step.Marks.Has(flow.Advances) &&
		f.conn.FINAcked(f.host) && sent && p.seg.Seq == end
}

// outbound stops what netstack sends for a connection in TIME_WAIT: a RST for segments
// that netstack had queued when its endpoint went; a FIN from an endpoint that missed the
// ACK of it; a SYN that takes the 4-tuple before net.ipv4.tcp_tw_reuse permits it.
func (w *timeWait) outbound(f *tracked, p *packet) verdict {
	if f != nil {
		if p.seg.Flags.Has(segment.FIN) {
			f.said(&p.seg, w.now())
		}
		return pass
	}
	if w.table.Len() == 0 || w.e.observe || !p.seg.Flags.Any(segment.RST|segment.SYN|segment.FIN) {
		return pass
	}
	rec, waits := w.table.Get(p.seg.Tuple, w.now())
	if !waits {
		return pass
	}
	switch s := &p.seg; {
	case opensFlow(s):
		w.answerHost(segment.RST|segment.ACK, s, 0, s.Seq+1)
	case s.Flags.Has(segment.FIN):
		w.answerHost(segment.ACK, s, rec.RcvNxt, rec.SndNxt)
	}
	w.e.report(nil, p, Dropped, Host, Out)
	return taken
}

// answerHost answers a segment of netstack's in the peer's name, once netstack holds no
// locks any more.
func (w *timeWait) answerHost(flags segment.Flags, to *segment.Segment, seq, ack segment.Seq) {
	s := segment.Segment{Tuple: to.Reverse(), Version: to.Version, Flags: flags, Seq: seq, Ack: ack}
	stamp := to.TSVal
	if d, ok := w.e.flows.departed.find(to.Tuple, w.e.clock.NowMonotonic()); ok {
		s.Ack, stamp = s.Ack-d.shift, stamp-d.stamp
	}
	if to.HasTimestamps && !flags.Has(segment.RST) {
		s.HasTimestamps, s.TSVal, s.TSEcr = true, to.TSEcr, stamp
	}
	w.e.clock.AfterFunc(0, func() {
		if !w.e.closed.Load() {
			w.e.deliverMade(&s)
		}
	})
}

// vacant reports whether a SYN may begin a connection on the 4-tuple. In TIME_WAIT it may
// not: the record judges the peer's SYN (reopen), and net.ipv4.tcp_tw_reuse the host's
// (RFC 6191, RFC 7323 B.2), where 2 means loopback, which there is none of here.
func (w *timeWait) vacant(t segment.Tuple, dir Dir) bool {
	if w.table.Len() == 0 || w.e.observe {
		return true
	}
	rec, waits := w.table.Get(t, w.now())
	if !waits {
		return true
	}
	return dir == Out && rec.HasTimestamps && w.e.tunables.Int(tunable.TWReuse) == 1 &&
		w.now()-rec.Heard >= w.e.tunables.Millis(tunable.TWReuseDelay)
}

func (w *timeWait) has(t segment.Tuple) bool {
	if w.table.Len() == 0 {
		return false
	}
	_, ok := w.table.Get(t, w.now())
	return ok
}

func (w *timeWait) remove(t segment.Tuple) (timewait.Record, bool) {
	if w.table.Len() == 0 {
		return timewait.Record{}, false
	}
	return w.table.Remove(t, w.now())
}

// reopen lets a SYN begin a new connection on the 4-tuple of an old one
// (RFC 9293 3.10.7.4, RFC 6191) if somebody listens.
func (w *timeWait) reopen(p *packet, rec *timewait.Record) verdict {
	if !w.e.takes(rec.Src) {
		w.reply(rec)
		return taken
	}
	if w.e.registered != nil && w.e.registered(rec.Tuple) {
		// The old connection's endpoint is about to leave netstack, and would take the SYN
		// for a segment of its own.
		w.e.keepBack(p.seg, p.buf, func() bool { return !w.e.registered(rec.Tuple) }, w.place)
		return taken
	}
	old, ok := w.table.Remove(rec.Tuple, w.now())
	if !ok {
		return taken // its 2MSL ended this moment; the peer will send the SYN again
	}
	p.old = &old
	return renewed
}

// takes reports whether netstack would take a connection to the host's endpoint.
func (e *Endpoint) takes(at segment.Endpoint) bool {
	return e.forwarder || e.listening != nil && e.listening(at)
}

func protocolOf(s *segment.Segment) tcpip.NetworkProtocolNumber {
	if s.Version == 4 {
		return header.IPv4ProtocolNumber
	}
	return header.IPv6ProtocolNumber
}

// reply sends the record's ACK.
func (w *timeWait) reply(rec *timewait.Record) {
	s := segment.Segment{
		Tuple: rec.Tuple, Version: 6, Flags: segment.ACK,
		Seq: rec.SndNxt, Ack: rec.RcvNxt, Window: rec.Window,
	}
	s.HasTimestamps, s.TSVal, s.TSEcr = rec.HasTimestamps, rec.TSVal, rec.TSRecent
	if rec.Src.Is4() {
		s.Version = 4
	}
	w.e.emit(nil, &s, nil, w.place)
}

// take makes the record of a connection whose last ACK, the one in p or the one
// before it, has gone out. f.mu is held.
func (w *timeWait) take(f *tracked, p *packet, now time.Duration) bool {
	if int64(w.table.Len()) >= w.e.tunables.Int(tunable.MaxTWBuckets) {
		w.overflows.Add(1)
		return false
	}
	if p.seg.Src == f.key.Src {
		f.said(&p.seg, now)
	}
	recent, _ := f.conn.TSRecent(f.host)
	received, _ := f.conn.LastAck(f.host) // what the host itself says that it has
	rec := timewait.Record{
		Tuple:  f.key,
		SndNxt: f.conn.Next(f.host), RcvNxt: received, Window: f.conn.LastWindow(f.host),
		HasTimestamps: f.stamped, TSRecent: recent, Heard: now,
		TSVal: f.stamp(now),
	}
	life := w.life()
	if rec.HasTimestamps && w.e.tunables.Bool(tunable.TWRecycle) {
		w.peers.remember(f.key.Dst.Addr, rec.TSRecent, now)
		life = min(life, recycled)
	}
	w.table.Add(&rec, life, now)
	w.arm(now + life)
	return true
}

// arm makes the timer fire at the given time or earlier.
func (w *timeWait) arm(at time.Duration) {
	if int64(at) >= w.wake.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if int64(at) >= w.wake.Load() || w.e.closed.Load() {
		return
	}
	w.wake.Store(int64(at))
	wait := max(at-w.now(), 0)
	if w.timer == nil {
		w.timer = w.e.clock.AfterFunc(wait, w.expire)
		return
	}
	w.timer.Stop()
	w.timer.Reset(wait)
}

// expire ends every TIME_WAIT that is over.
func (w *timeWait) expire() {
	w.wake.Store(noWake)
	now := w.now()
	w.table.Expire(now)
	if at, any := w.table.Next(now); any {
		w.arm(max(at, now+expiryGrain))
	}
}

func (w *timeWait) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// TimeWaits counts the connections in TIME_WAIT.
func (e *Endpoint) TimeWaits() int { return e.timeWait.table.Len() }

// TimeWaitOverflows counts the connections that ended without TIME_WAIT because
// net.ipv4.tcp_max_tw_buckets was reached.
func (e *Endpoint) TimeWaitOverflows() uint64 { return e.timeWait.overflows.Load() }

// TimeWait is the record of a connection in TIME_WAIT; the tuple's Src is the host.
func (e *Endpoint) TimeWait(t segment.Tuple) (timewait.Record, bool) {
	return e.timeWait.table.Get(t, e.timeWait.now())
}

// EachTimeWait calls f for each connection in TIME_WAIT until it returns false.
// No lock is held meanwhile; a record that comes or goes may be missed.
func (e *Endpoint) EachTimeWait(f func(*timewait.Record) bool) {
	e.timeWait.table.Each(e.timeWait.now(), f)
}
