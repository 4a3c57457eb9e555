package explain

import (
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// begun is a connection that began.
type begun struct {
	conn *teardown.Conn
	in   *capture.Tunnel // nil outside tunnels
	at   int             // the packet of the capture with which it did
	syn  bool
}

// departure is a connection that leaves, with what is known of it beside its Table.
type departure struct {
	conn    *teardown.Conn
	lane    int
	seen    time.Time // how far the capture had come
	tunnel  *capture.Tunnel
	note    *icmpNote // nil for most
	unheard bool      // nothing came back since the ICMP error of note
	flushed bool      // the capture ends, or has a gap
}

// departure is what there is of a connection of a Table.
func (a *Analysis) departure(lane int, c *teardown.Conn) departure {
	d := departure{conn: c, lane: lane, seen: a.split.Table(lane).Now(), flushed: a.flushing, tunnel: a.tunnels.around(c)}
	if notes := a.lanes[lane].icmp; len(notes) > 0 {
		d.note = notes[d.key()]
		d.unheard = d.note != nil && d.note.known && d.note.heard == a.heardFrom(c, d.note)
	}
	return d
}

// key is the connection as ICMP errors name it.
func (d *departure) key() icmpKey {
	client, server := d.conn.Ends()
	disguise(&client, d.tunnel)
	disguise(&server, d.tunnel)
	return keyOf(segment.Tuple{Src: client, Dst: server}, d.tunnel)
}

// laneOf is the lane of a connection that a Table holds.
func (a *Analysis) laneOf(c *teardown.Conn) int {
	d := departure{conn: c, tunnel: a.tunnels.around(c)}
	key := d.key()
	return a.split.Lane(&key.tuple)
}

// leave is for a connection that leaves its Table.
func (a *Analysis) leave(lane int, c *teardown.Conn) {
	d := a.departure(lane, c)
	s := a.lanes[lane].sheet
	if s == nil {
		e := d.ended()
		a.judge(&e)
		a.show(&e)
	}
	a.tunnels.forget(c)
	if d.note != nil {
		delete(a.lanes[lane].icmp, d.key())
	}
	if s == nil {
		a.split.Table(lane).TakeBack(c)
		return
	}
	s.left = append(s.left, d)
	if a.flushing {
		s.judged = append(s.judged, d.ended())
		if len(s.left) == sheetSize {
			a.counter.turn(0)
		}
	}
}

// judge adds to what a connection that leaves tells by itself what others tell, as far as
// is known.
func (a *Analysis) judge(e *ended) {
	if !e.conn.Plain() {
		a.turn(e)
		if _, silent := e.conn.Silence(); silent && !a.again && !a.ordered() { // or it was when it closed
			k := e.fact()
			a.silences.add(&k)
		}
		a.idleLimit(e)
	}
	e.icmp = e.lastWord()
}
