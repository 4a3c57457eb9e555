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
	note           *icmpNote     // an ICMP error that quotes it, nil for most
	unheard        bool          // nothing came back since
	icmp           *icmpSaid     // such errors, where they count; nil for most
}

// judge sets what the connection tells by itself.
func (e *ended) judge() {
	e.conn.OutcomeTo(&e.report)
	e.conn.DetailTo(&e.detail, e.seen)
}

// ended is a connection without what others tell.
func (d *departure) ended() (e ended) {
	e = ended{conn: d.conn, tunnel: d.tunnel, seen: d.seen, flushed: d.flushed, note: d.note, unheard: d.unheard}
	e.client, e.server = undisguised(d.conn.Client(), e.tunnel), undisguised(d.conn.Server(), e.tunnel)
	e.judge()
	return e
}

// turn turns a connection round where others tell, as far as is known, that its server is
// who the Table takes for the client.
func (a *Analysis) turn(e *ended) {
	c := e.conn
	if a.again && !c.Certain() && a.roles.serves(e.client, e.server) || !a.again && a.roles.swapped(c, e.client, e.server) {
		*e = e.opposite()
		e.turned = true
	}
}

// opposite is the connection with client and server in each other's place, and without
// what other connections tell.
func (e *ended) opposite() ended {
	o := ended{
		conn: e.conn.Swapped(), client: e.server, server: e.client, tunnel: e.tunnel,
		flushed: e.flushed, seen: e.seen, note: e.note, unheard: e.unheard, icmp: e.icmp,
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
