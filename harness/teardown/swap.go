package teardown

import "slices"

// Handshake reports whether a SYN of either side was seen.
func (c *Conn) Handshake() bool { return c.handshake }

// Certain reports whether it is certain who is the client: a SYN was seen, or the first
// segment has neither SYN, ACK nor RST, as a port scanner's probe.
func (c *Conn) Certain() bool { return c.handshake || c.bareProbe }

// Swapped is a copy of the connection in which client and server have changed places, for
// a caller that knows better than the Table which is which. It shares no memory with c
// that later records would change.
func (c *Conn) Swapped() *Conn {
	k := *c
	k.client, k.server = c.server, c.client
	k.side[0], k.side[1] = c.side[1], c.side[0]
	k.firstFIN = c.firstFIN.Other()
	flip(&k.rtt)
	flip(&k.rttKnown)
	flip(&k.now)
	flip(&k.atFIN)
	flip(&k.gone)
	if c.rst != nil {
		r := *c.rst
		r.by, r.spoke = r.by.Other(), r.spoke.Other()
		k.rst = &r
	}
	k.lateBy = c.lateBy.Other()
	k.talk.by = c.talk.by.Other()
	k.talk.asked, k.stream = asked{}, stream{} // which are about the other side
	if c.talk.wake != nil {
		w := *c.talk.wake
		w.by = w.by.Other()
		k.talk.wake = &w
	}
	k.log.events = slices.Clone(c.log.events)
	for i := range k.log.events {
		k.log.events[i].swap()
	}
	return &k
}

func (e *event) swap() {
	e.from = e.from.Other()
	flip(&e.kills)
	flip(&e.before)
	flip(&e.after)
	flip(&e.still)
	if e.gap != nil {
		g := *e.gap
		g.ClientSegments, g.ServerSegments = g.ServerSegments, g.ClientSegments
		g.ClientBytes, g.ServerBytes = g.ServerBytes, g.ClientBytes
		e.gap = &g
	}
}

func flip[T any](pair *[2]T) { pair[0], pair[1] = pair[1], pair[0] }
