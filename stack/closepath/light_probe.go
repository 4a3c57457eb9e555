package closepath

import (
	"math/bits"
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// This file is about the tail loss probe of a light connection (RFC 8985 7): where the peer
// acknowledges nothing of several segments for two round trips, the last of them goes again. The
// peer then either has everything, or reports by SACK what is missing, and netstack gets the
// connection. A single segment waits for its retransmission timeout, which is over before the
// probe of one is due: that allows for a delayed ACK.
//
// A light connection has no congestion window that a loss which the probe repairs could halve:
// it has an initial window under way at most, and for a second.

// probing is a light connection's share, guarded by the flow's lock.
type probing struct {
	// latest is when the host sent something new.
	latest tcpip.MonotonicTime
	// sent: a probe is out, and the peer has not acknowledged what was sent before it, up to
	// end. Meanwhile there is no other.
	sent bool
	end  segment.Seq
}

const (
	// probeSlack is what the probe waits beyond two round trips, as Linux's TCP_TIMEOUT_MIN.
	probeSlack = 2 * time.Millisecond
	// alarms want entries of equal delay, so there is a lane for each of probeFirst, twice
	// that, and so on. A flow takes the longest that is over before its probe is due: that is
	// a round trip at least, so that the peer has acknowledged nearly everything by then,
	// and few flows need a timer of their own for the rest.
	probeFirst = 4 * time.Millisecond
	probeLanes = 6
)

// probeAlarms are the lanes, for all connections.
type probeAlarms [probeLanes]alarms

func (a *probeAlarms) init(e *Endpoint) {
	for i := range a {
		a[i] = alarms{clock: e.clock, ring: e.finish.expire, stale: e.finish.stale, grain: finGrain}
	}
}

// set adds an entry for a flow whose probe is due after d; it rings after half of that at least.
func (a *probeAlarms) set(now tcpip.MonotonicTime, d time.Duration, f *tracked, gen uint32) {
	lane := min(max(bits.Len64(uint64(max(d, 0)/probeFirst))-1, 0), probeLanes-1)
	a[lane].set(now.Add(probeFirst<<lane), f, gen)
}

func (a *probeAlarms) close() {
	for i := range a {
		a[i].close()
	}
}

// underWay counts the segments that the peer has not acknowledged, as the wire has them.
func (c *Light) underWay() int {
	n := len(c.conn.Flight())
	if j := c.f.joining; c.conn.FINSent() && !c.conn.FINAcked() && (j == nil || !j.joined) {
		n++
	}
	return n
}

// probeTimeout is how long the host waits for an acknowledgment until it probes; false if
// it does not.
func (c *Light) probeTimeout() (time.Duration, bool) {
	h := &c.f.finishing
	if c.phase != alone || c.probe.sent || !h.sack || !h.rtt.measured || c.underWay() < 2 {
		return 0, false
	}
	return 2*h.rtt.srtt + probeSlack, true
}

// expects takes in that a light connection has sent something new, and sets the alarm for
// its probe, unless that is set. It reports whether there may be a probe. f.mu is held.
func (l *lights) expects(f *tracked) bool {
	c, h := f.light, &f.finishing
	if c == nil {
		return false
	}
	pto, ok := c.probeTimeout()
	if !ok {
		return false
	}
	now := l.e.clock.NowMonotonic()
	c.probe.latest = now
	if h.on && h.soon {
		return true
	}
	h.on, h.soon = true, true
	l.probes.set(now, min(pto, c.progress.Add(h.rtt.timeout()).Sub(now)), f, h.gen.Add(1))
	return true
}

// advanced takes in that the peer has acknowledged something.
func (l *lights) advanced(c *Light, now tcpip.MonotonicTime) {
	c.progress = now
	if c.probe.sent && c.probe.end.LessEq(c.conn.Una()) {
		c.probe.sent = false
		l.expects(c.f)
	}
}

// probeDue sends the probe if it is due, and reports when to look again; false if there is
// none before the retransmission timeout. f.mu is held; the caller drains the flow's queue.
func (l *lights) probeDue(c *Light, rto time.Duration, now tcpip.MonotonicTime) (time.Duration, bool) {
	pto, ok := c.probeTimeout()
	due := c.probe.latest
	if due.Before(c.progress) {
		due = c.progress
	}
	due = due.Add(pto)
	if !ok || c.progress.Add(rto).Before(due) {
		return 0, false
	}
	if left := due.Sub(now); left > 0 {
		return left, true
	}
	c.probe.sent, c.probe.end = true, c.conn.Next()
	c.progress = now // the retransmission timeout begins anew
	if j := c.f.joining; c.conn.FINSent() && (j == nil || !j.joined) {
		l.e.finish.copyOnce(c.f)
	} else {
		l.e.finish.probe(c.f)
	}
	return rto, true
}
