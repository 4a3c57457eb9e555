package closepath

import (
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// This file is about light connections whose data nobody acknowledges in time.

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

// overdue probes the tail, and sends the first segment of data again, or has netstack send it,
// when its time has come. It reports when to look again. f.mu is held; the caller drains the flow's queue.
func (l *lights) overdue(f *tracked, now tcpip.MonotonicTime) time.Duration {
	c, rto := f.light, f.finishing.rtt.timeout()
	if c.phase == moving {
		return rto
	}
	if c.phase == alone {
		if left, ok := l.probeDue(c, rto, now); ok {
			return left
		}
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
