package teardown

import "lastack/stack/flow"

// order says whose FIN was first. Crossed: neither FIN acknowledges the other.
// Swapped: the capture has the FINs the other way round than they were sent.
// Without a FIN the answer means nothing.
func (c *Conn) order() (first flow.Side, crossed, swapped bool) {
	first = c.firstFIN
	if c.fins < 2 {
		return first, false, false
	}
	a, b := &c.side[first].fin, &c.side[first.Other()].fin
	switch {
	case b.knows(a.off):
		return first, false, false
	case a.knows(b.off):
		return first.Other(), false, true
	}
	return first, true, false
}

func (c *Conn) kind() Kind {
	first, crossed, _ := c.order()
	// A second FIN that was lost with the ACK in it ends nothing.
	one := c.fins == 1 || c.deserted() || !crossed && !(c.arrived(first.Other()) && c.side[first].fin.acked)
	switch {
	case c.over == wasRefused:
		return Refused
	case c.over == wasReset:
		return Reset
	case c.fins == 0:
		return Open
	case one && c.side[first].fin.acked:
		return HalfClosed
	case one:
		return Unanswered
	case crossed:
		return Simultaneous
	case c.side[first].fin.alone:
		return FourWay
	}
	return ThreeWay
}

func (c *Conn) activeCloser() Who {
	first, crossed, _ := c.order()
	switch {
	case c.fins == 0:
		return None
	case crossed:
		return Both
	}
	return whoIs(first)
}

// inTimeWait says which sides went into TIME_WAIT and were not thrown out of it.
// A side goes there once its own FIN is acknowledged and it has the other's,
// unless it had the other's FIN before it closed (RFC 9293 3.6).
func (c *Conn) inTimeWait() (in [2]bool) {
	if c.over != notReset || c.fins < 2 || c.deserted() {
		return in
	}
	first, crossed, _ := c.order()
	in[first] = c.side[first].fin.acked && c.arrived(first.Other())
	in[first.Other()] = crossed && c.side[first.Other()].fin.acked && c.arrived(first)
	for s := range in {
		in[s] = in[s] && !c.side[s].killed
	}
	return in
}

// states are those of both sides at the end of the trace.
func (c *Conn) states() [2]flow.State {
	if c.over != notReset {
		return [2]flow.State{flow.Closed, flow.Closed}
	}
	if c.fins < 2 {
		return c.shown()
	}
	first, crossed, _ := c.order()
	var st [2]flow.State
	if c.deserted() {
		st[first], st[first.Other()] = flow.FinWait2, flow.LastAck
		return st
	}
	st[first] = c.endOf(first, flow.Closing, flow.TimeWait)
	if crossed {
		st[first.Other()] = c.endOf(first.Other(), flow.Closing, flow.TimeWait)
	} else {
		st[first.Other()] = c.endOf(first.Other(), flow.LastAck, flow.Closed)
	}
	return st
}

// endOf is the last state of a side behind both FINs: by whether its own was
// acknowledged, if the other's arrived.
func (c *Conn) endOf(s flow.Side, not, acked flow.State) flow.State {
	switch me := &c.side[s]; {
	case me.killed:
		return flow.Closed
	case !c.arrived(s.Other()) && me.fin.acked:
		return flow.FinWait2
	case !c.arrived(s.Other()):
		return flow.FinWait1
	case me.fin.acked && !(c.lossOf(s).unaware && not == flow.LastAck):
		return acked
	}
	return not
}
