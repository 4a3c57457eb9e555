package teardown

import (
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Find returns the Table's connection of a 4-tuple, in either direction, or nil.
func (t *Table) Find(tuple *segment.Tuple) *Conn {
	if e := t.index.find(t.index.hash(tuple), tuple); e != nil {
		return &e.Conn
	}
	return nil
}

// Segments counts those that an endpoint of the connection sent.
func (c *Conn) Segments(from segment.Endpoint) uint64 { return c.side[c.sideOf(from)].segments }

func (c *Conn) sideOf(e segment.Endpoint) flow.Side {
	if e == c.client {
		return flow.Client
	}
	return flow.Server
}

// answerWithin is how far, in sequence numbers, an answer may be from what is expected
// where other segments are missing.
const answerWithin = 1 << 20

// Awaits reports whether s is an answer to a connection of which one side has been seen
// so far, and not s's sender: s acknowledges what that side sent, and has the number that
// it acknowledged. Of two connections with the same addresses and ports, one in four
// million looks like that by chance; of two handshakes, one in four billion.
func (c *Conn) Awaits(s *segment.Segment) bool {
	from := c.sideOf(s.Src)
	me, peer := &c.side[from], &c.side[from.Other()]
	if me.segments > 0 || !peer.hasISN || !s.Flags.Has(segment.ACK) {
		return false
	}
	end := segment.Seq(1)
	if peer.hasData {
		end = peer.dataEnd
	}
	if peer.fin.seen {
		end = end.Max(peer.fin.off + 1)
	}
	if missing := end.Diff(s.Ack - peer.isn); missing < 0 || missing > answerWithin {
		return false
	}
	if !peer.hasAck {
		return s.Flags.Any(segment.SYN | segment.RST)
	}
	off := (s.Seq - me.isn).Diff(peer.maxAck)
	return me.hasISN && max(off, -off) <= answerWithin
}
