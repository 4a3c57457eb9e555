package teardown

import (
	"slices"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// addLost keeps a segment that never came to the wire, to be shown. Before the first
// segment on the wire there is no connection to show it in.
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
	e.before = c.now
	c.goAhead(&e)
	e.after = c.now
	if e.flags.Has(segment.ACK) && !e.flags.Has(segment.RST) && peer.hasISN {
		c.missACK(from.Other(), &e)
	}
	c.log.add(e, c.Keep)
}

// ahead is the state of a side that has sent a segment which never came to the wire: it
// is in to, while the wire shows from.
type ahead struct{ from, to flow.State }

// goAhead moves the sender of a lost segment, which does not know that it was lost.
func (c *Conn) goAhead(e *event) {
	at := c.now[e.from]
	a := ahead{from: at, to: at}
	switch {
	case e.flags.Has(segment.RST):
		a.to = flow.Closed
	case e.flags.Has(segment.SYN | segment.ACK):
		if at == flow.Listen || at == flow.Unknown {
			a.to = flow.SynReceived
		}
	case e.flags.Has(segment.FIN):
		switch at {
		case flow.SynReceived, flow.Established:
			a.to = flow.FinWait1
		case flow.CloseWait:
			a.to = flow.LastAck
		}
	}
	if a.to != a.from {
		c.lost(e.from)
		c.loss.ahead[e.from] = a
		c.now[e.from] = a.to
	}
}

// lead corrects the wire's states by those ahead of it, until the wire catches up.
func (c *Conn) lead(e *event) {
	if c.loss == nil {
		return
	}
	for s := range c.loss.ahead {
		a := &c.loss.ahead[s]
		if e.flags.Has(segment.RST) && !e.missed {
			*a = ahead{} // which says where its sender stands, and may end all
		}
		if a.to == flow.Unknown {
			continue
		}
		e.before[s] = c.now[s]
		switch st := e.after[s]; {
		case st == a.from:
			e.after[s] = a.to
		case st == flow.CloseWait && a.to == flow.FinWait1:
			e.after[s] = flow.Closing // the other FIN came, and the wire does not have this side's
		default:
			*a = ahead{}
		}
	}
}

// Undisturbed are the lines as they would be had nothing been lost or sent again: a
// segment lost on its way in is replaced by its next copy.
func Undisturbed(lines []Line) []Line {
	type content struct {
		from  Who
		flags string
		seq   uint32
		len   int
	}
	owed := map[content]bool{}
	return slices.DeleteFunc(slices.Clone(lines), func(l Line) bool {
		key := content{l.From, l.Flags, l.Seq, l.Len}
		switch {
		case l.Elided != nil:
			return false
		case l.LostIn:
			owed[key] = true
			return true
		case l.Lost || l.Again && !owed[key]:
			return true
		}
		delete(owed, key)
		return false
	})
}
