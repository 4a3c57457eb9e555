package teardown

import (
	"fmt"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// TimerLeast is the least time after which a retransmission timer runs out on Linux
// (TCP_RTO_MIN). A copy that comes sooner may be a fast retransmission or a probe for a
// lost tail, and a packet captured twice.
const TimerLeast = 200 * time.Millisecond

// InVainFrom is how many such copies in a row prove that nothing came back: the first may
// follow the loss of one segment, the second follows that of its copy, or of every ACK.
const InVainFrom = 2

// timerMost is longer than a retransmission timer is set to where nothing was lost yet (RFC
// 6298 2.1): who sends more then, and not the same again, has had an acknowledgment.
const timerMost = time.Second

// gatherProgress: a side that acknowledges more, or sends more, hears from the other, seen
// or not. A FIN behind copies is no proof: an application closes whatever became of its data.
func (c *Conn) gatherProgress(e *event) {
	me := &c.side[e.from]
	t := me.trouble
	if e.newAck || t == nil && me.last.room && e.at-me.last.at >= timerMost && e.marks.Any(flow.NewData|flow.FirstFIN) {
		me.last.received = true
	}
	if t != nil && (e.newAck || e.marks.Has(flow.NewData) && !e.flags.Has(segment.FIN)) {
		t.tries.timed = 0
	}
}

// inVain reports whether a side's retransmission timer ran out over and over at the end:
// it heard nothing, so the capture does not just lack what the other side sent.
func (c *Conn) inVain(s flow.Side) bool {
	t := c.side[s].trouble
	return t != nil && t.tries.timed >= InVainFrom
}

// mostInFlight is more than most senders have under way at once.
const mostInFlight = 1 << 16

// WentOn reports whether a side whose segments alone the capture has heard from the other:
// the connection went on, and the other's segments are missing. A segment or two by
// themselves may be all that there was in the capture's time.
func (c *Conn) WentOn() bool {
	for s := range c.side {
		me, peer := &c.side[s], &c.side[1-s]
		if peer.segments > 0 {
			continue
		}
		opened := me.synSeen && (flow.Side(s) == flow.Client && me.hasAck || me.bytes > 0)
		if me.last.received || opened || me.bytes > mostInFlight {
			return true
		}
	}
	return false
}

// triedBefore is for a FIN that was sent once, behind data that had been sent in vain.
func (c *Conn) triedBefore(x flow.Side) string {
	t := &c.side[x].trouble.tries
	return fmt.Sprintf("%s sent the same data %s in %s before it closed and heard nothing: %s or the path to it is gone",
		atStart(x), times(int(t.again)+1), ms(t.last-t.first), the(x.Other()))
}
