package teardown

import "lastack/stack/flow"

// display corrects the states of flow's steps with what became known later.
type display struct {
	first            flow.Side // whose FIN the capture has first
	crossed, swapped bool
	vain             bool          // the only FIN was sent again and again in vain
	begun            bool          // the first FIN is past
	before           [2]flow.State // the states before it
	lastAcked        bool          // swapped: the second FIN was acknowledged
	killed           [2]bool
}

func newDisplay(c *Conn) *display {
	_, crossed, swapped := c.order()
	f, l := &c.side[c.firstFIN].fin, c.lossOf(c.firstFIN)
	vain := c.fins == 1 && !f.acked && f.again > 0 && l.missed == 0 && !l.ackMissed
	return &display{first: c.firstFIN, crossed: crossed, swapped: swapped, vain: vain}
}

// shown is display's result for the last event of a connection that is not over, without
// going through the events.
func (c *Conn) shown() [2]flow.State {
	d, st := newDisplay(c), c.now
	if other := d.first.Other(); d.vain && c.closing && st[other] == flow.CloseWait {
		st[other] = c.atFIN[other]
	}
	return st
}

// states are those to show after e. Events come in order.
func (d *display) states(e *event) [2]flow.State {
	st := e.after
	if e.gap == nil && e.marks.Has(flow.FirstFIN) && !d.begun {
		d.begun, d.before = true, e.before
	}
	other := d.first.Other()
	switch {
	case !d.begun || st[flow.Client] == flow.Closed && st[flow.Server] == flow.Closed:
	case (d.crossed || d.vain) && st[other] == flow.CloseWait:
		// flow takes the FIN for arrived when it passes. The other side's
		// FIN, or that no ACK ever came, shows that it had not.
		st[other] = d.before[other]
	case d.swapped:
		// The FIN that the capture has first answers the one it has second.
		d.lastAcked = d.lastAcked || e.carries && e.from == other
		st[d.first], st[other] = flow.LastAck, flow.TimeWait
		if d.lastAcked {
			st[d.first] = flow.Closed
		}
	}
	for s := range st {
		d.killed[s] = d.killed[s] || e.kills[s]
		if d.killed[s] {
			st[s] = flow.Closed
		}
	}
	return st
}
