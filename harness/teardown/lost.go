package teardown

import (
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// addLost keeps a segment that never came to the wire, for show. Before the
// first that did there is no connection to show it in.
func (c *Conn) addLost(r *Record) {
	from := flow.Client
	if r.Seg.Src == c.server {
		from = flow.Server
	}
	me, peer := &c.side[from], &c.side[from.Other()]
	if !c.begun || !me.hasISN && !r.Seg.Flags.Has(segment.SYN) {
		return
	}
	e := event{
		at: since(c.start, r.Time), len: int32(r.Seg.PayloadLen), window: r.Seg.Window,
		flags: r.Seg.Flags, from: from, impaired: r.Impaired, lost: true, key: true,
	}
	if me.hasISN {
		e.seq = r.Seg.Seq - me.isn
	}
	if peer.hasISN {
		e.ack = r.Seg.Ack - peer.isn
	}
	if n := len(c.log.events); n > 0 {
		e.before = c.log.events[n-1].after
		e.after = e.before
	}
	c.log.add(e, c.Keep)
}
