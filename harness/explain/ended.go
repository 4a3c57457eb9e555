package explain

import (
	"net/netip"
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// ended is a connection that left, and what is known of it without allocating.
type ended struct {
	conn           *teardown.Conn
	client, server netip.AddrPort
	tunnel         *capture.Tunnel // nil outside tunnels
	turned         bool            // client and server are not who the Table takes for them
	flushed        bool            // it leaves because the capture ends, or has a gap
	seen           time.Time       // how far the capture had come
	report         teardown.Report // an Outcome
	detail         teardown.Detail
	quiet          time.Duration // before a RST that a limit on silence may explain
	alike          int           // connections that show the same limit
	icmp           *icmpSaid     // ICMP errors that nothing came back after, nil for most
}

// judge sets what the connection tells by itself.
func (e *ended) judge() {
	e.conn.OutcomeTo(&e.report)
	e.conn.DetailTo(&e.detail, e.seen)
}

// ended is a connection as far as is known.
func (a *Analysis) ended(c *teardown.Conn) ended {
	e := ended{conn: c, seen: a.table.Now(), flushed: a.flushing}
	e.client, e.server, e.tunnel = a.tunnels.ends(c)
	e.judge()
	if a.again && !c.Handshake() && a.roles.serves(e.client, e.server) || !a.again && a.roles.swapped(c, e.client, e.server) {
		e = e.opposite()
		e.turned = true
	}
	return e
}

// opposite is the connection with client and server in each other's place, and without
// what other connections tell.
func (e *ended) opposite() ended {
	o := ended{
		conn: e.conn.Swapped(), client: e.server, server: e.client, tunnel: e.tunnel,
		flushed: e.flushed, seen: e.seen, icmp: e.icmp,
	}
	o.judge()
	return o
}

// alone is the connection without what other connections tell: a limit on silence.
func (e *ended) alone() ended {
	o := *e
	o.turned, o.quiet, o.alike = false, 0, 0
	o.judge()
	return o
}

func (e *ended) duration() time.Duration { return micros(e.report.DurationUS) }

// micros is a duration given in microseconds; negative ones mean none.
func micros(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

// left is a connection that leaves now, as far as is known.
func (a *Analysis) left(c *teardown.Conn) ended {
	e := a.ended(c)
	a.idleLimit(&e)
	e.icmp = a.lastWord(&e)
	return e
}

func (a *Analysis) leave(c *teardown.Conn) {
	if a.leaving != nil {
		a.leaving.add(a, c)
		return
	}
	e := a.left(c)
	a.show(&e)
	a.forget(&e)
	a.table.TakeBack(c)
}

// forget drops what is kept beside the Table about a connection that leaves.
func (a *Analysis) forget(e *ended) {
	a.tunnels.forget(e.conn)
	a.forgetICMP(e)
}
