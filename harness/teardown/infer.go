package teardown

import (
	"time"

	"lastack/stack/flow"
)

// inferMissed is for an observer that does not know what was lost: e is the first segment
// that acknowledges a FIN that was sent again. Where the other side, long after it must
// have had an earlier copy, still acknowledged all up to the FIN and not the FIN, that
// copy is proved lost: a side that has a FIN in order acknowledges it in everything it
// sends. Long is more than two round trips, of the handshake or of the copy that was
// answered, whichever is longer: what it sent may have been on its way for one.
func (c *Conn) inferMissed(e *event) {
	s := e.from.Other()
	f := &c.side[s].fin
	l := c.lossOf(s)
	if l.unacked == 0 || l.missed > 0 || f.again == 0 {
		return
	}
	spoke := f.at + time.Duration(l.unacked)*time.Microsecond
	proved := spoke - 2*max(c.rtt[e.from], f.wait) - hearing // of copies sent before
	inVain := false
	for i := range c.log.events {
		o := &c.log.events[i]
		copied := o.gap == nil && !o.lost && o.from == s && o.marks.Any(flow.FirstFIN|flow.FINAgain)
		if inVain {
			o.before[e.from] = untaken(o.before[e.from])
		}
		switch {
		case copied && o.at < proved && o.at < f.last:
			if inVain {
				o.note = noteFINAgainLost
			} else if o.note == noteNone {
				o.note = noteProvedLost
			}
			inVain, o.missed = true, true
		case copied && inVain:
			o.note = noteFINAgainLost
			return
		}
		if inVain {
			o.after[e.from] = untaken(o.after[e.from])
		}
	}
}

// untaken is the state of a side that flow takes for having received a FIN, and that has
// not.
func untaken(s flow.State) flow.State {
	switch s {
	case flow.CloseWait:
		return flow.Established
	case flow.Closing:
		return flow.FinWait1
	case flow.TimeWait:
		return flow.FinWait2
	}
	return s
}

// unaware is for a FIN that comes again although its ACK was seen: its sender did not have
// that ACK when it sent the FIN, whether the ACK was lost or late, nor anything else that
// was sent since, as all of it acknowledges the FIN. So it stood where it did before. A
// capture may have the same copy twice, which no timer sends.
func (c *Conn) unaware(e *event) {
	s := e.from
	f := &c.side[s].fin
	if !f.acked || e.missed || e.at-f.last < hearing {
		return
	}
	c.lost(s).unaware = true
	seen := false
	told, stood := c.fins == 1, flow.FinWait1 // whose lines need not have been kept
	for i := range c.log.events {
		o := &c.log.events[i]
		switch {
		case seen:
			o.before[s], o.after[s] = stood, stood
		case o.carries && o.from != s:
			seen, told, stood = true, true, o.before[s]
			o.after[s] = stood
		}
	}
	if told && e.after[s] != stood {
		c.loss.ahead[s] = ahead{from: e.after[s], to: stood}
		e.before[s], e.after[s] = stood, stood
	}
}

// aware: e acknowledges the other side's FIN, and that side knows it now.
func (c *Conn) aware(e *event) {
	s := e.from.Other()
	if !c.lossOf(s).unaware {
		return
	}
	a := &c.loss.ahead[s]
	if a.to != flow.Unknown && e.after[s] == a.to {
		e.after[s] = a.from
	}
	c.lost(s).unaware, *a = false, ahead{}
}
