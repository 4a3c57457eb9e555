package teardown

import (
	"fmt"
	"strings"
	"time"

	"lastack/stack/flow"
)

// The clauses of RFC 9293 that the reports name.
const (
	rfcStates     = "9293 3.3.2"  // state machine
	rfcGeneration = "9293 3.5.2"  // reset generation
	rfcClosing    = "9293 3.6"    // closing a connection
	rfcHalf       = "9293 3.6.1"  // half-closed connections
	rfcRetransmit = "9293 3.8.1"  // retransmission timeout
	rfcAbort      = "9293 3.10.5" // the ABORT call
)

// reason explains the kind in one sentence, and names the clause that rules it.
func (c *Conn) reason(k Kind) (sentence, clause string) {
	switch k {
	case ThreeWay:
		sentence, clause = c.reasonThree(), rfcClosing
	case FourWay:
		sentence, clause = c.reasonFour(), rfcClosing
	case Simultaneous:
		sentence, clause = c.reasonSimultaneous(), rfcClosing
	case HalfClosed:
		sentence, clause = c.reasonHalf(), rfcHalf
	case Unanswered:
		sentence, clause = c.reasonUnanswered(), rfcRetransmit
	case Open:
		sentence, clause = c.reasonOpen(), rfcStates
	case Refused:
		sentence, clause = c.reasonRefused(), rfcGeneration
	case Reset:
		sentence, clause = c.reasonReset()
	}
	return sentence + c.aside(k) + ".", clause
}

// the is "the client" or "the server"; atStart is the same at the start of a
// sentence.
func the(s flow.Side) string     { return "the " + s.String() }
func atStart(s flow.Side) string { return "The " + s.String() }

func (c *Conn) reasonThree() string {
	first, _, swapped := c.order()
	x, y := first, first.Other()
	f, g := &c.side[x].fin, &c.side[y].fin
	load := "its FIN"
	if g.data > 0 {
		load = "the FIN that came with its last " + count(uint64(g.data), "byte")
	}
	switch {
	case swapped:
		return fmt.Sprintf("%s's FIN carried the ACK of %s's FIN: three segments, which the capture has out of order", atStart(y), the(x))
	case f.hold == flow.Carried:
		return fmt.Sprintf("%s held the ACK of %s's FIN (delayed ACK) and closed %s later, so %s carried the ACK: three segments",
			atStart(y), the(x), ms(f.held), load)
	}
	if c.lossOf(y).missed > 0 { // which is not when it closed
		return fmt.Sprintf("%s closed %s after %s's FIN, and its FIN carried the ACK: three segments", atStart(y), ms(max(0, g.at-f.at)), the(x))
	}
	before := ""
	if f.copies == 0 && !c.lossOf(x).ackMissed && f.wait-c.rtt[y] >= onceLimit && f.wait < delayedLimit {
		before = ", before it had sent an ACK"
	}
	return fmt.Sprintf("%s closed %s%s, so %s carried the ACK: three segments", atStart(y), c.after(x, y, f.wait), before, load)
}

// after says how long after x's FIN y did something, as the observer saw it.
func (c *Conn) after(x, y flow.Side, wait time.Duration) string {
	which := "FIN"
	if c.side[x].fin.copies > 0 {
		which = "last FIN"
	}
	return fmt.Sprintf("%s after %s's %s%s", ms(wait), the(x), which, c.roundTrip(y, wait))
}

// roundTrip names the round trip between the observer and y in brackets, where
// it is a good part of wait.
func (c *Conn) roundTrip(y flow.Side, wait time.Duration) string {
	if rtt := c.rtt[y]; rtt >= time.Millisecond && rtt > wait/4 {
		return fmt.Sprintf(" (the round trip is %s)", ms(rtt))
	}
	return ""
}

func (c *Conn) reasonFour() string {
	first, _, swapped := c.order()
	x, y := first, first.Other()
	f, g := &c.side[x].fin, &c.side[y].fin
	later := ms(max(0, g.at-f.ackAt))
	if n := c.side[y].after; n > 0 && !f.byData {
		later += " later, after " + count(n, "more byte")
	} else {
		later += " later"
	}
	switch {
	case swapped || f.aloneOrder:
		return fmt.Sprintf("%s acknowledged %s's FIN before it closed itself: four segments, which the capture has out of order", atStart(y), the(x))
	case f.byData && f.hold == flow.Carried:
		return fmt.Sprintf("%s held the ACK of %s's FIN for %s (delayed ACK), then sent %s, and the data carried the ACK; its own FIN came %s: four segments beside the data",
			atStart(y), the(x), ms(f.held), count(c.side[y].after, "byte"), later)
	case f.byData:
		return fmt.Sprintf("%s still had %s to send, and the data carried the ACK of %s's FIN; its own FIN came %s: four segments beside the data",
			atStart(y), count(c.side[y].after, "byte"), the(x), later)
	case f.hold == flow.Expired:
		return fmt.Sprintf("%s held the ACK of the FIN for %s (delayed ACK), the application had not closed by then, so a pure ACK went out; its FIN came %s: four segments",
			atStart(y), ms(f.held), later)
	}
	return c.fourByTime(x, y, later)
}

// fourByTime is for a pure ACK of which only the time is known.
func (c *Conn) fourByTime(x, y flow.Side, later string) string {
	f := &c.side[x].fin
	p := c.pace(y, f.wait)
	took := ms(f.wait) + c.roundTrip(y, f.wait)
	switch {
	case f.hold == flow.NotHeld || p == atOnce:
		return fmt.Sprintf("%s acknowledged the FIN at once (%s) and closed %s: four segments",
			atStart(y), strings.NewReplacer(" (", "; ", ")", "").Replace(took), later)
	case p == delayed && !c.closedAt(y, f.ackAt):
		return fmt.Sprintf("%s acknowledged %s's FIN after %s, as when a delayed ACK runs out, and had not closed by then; its own FIN came %s: four segments",
			atStart(y), the(x), took, later)
	}
	return fmt.Sprintf("%s acknowledged %s's FIN after %s, before it closed; its own FIN came %s: four segments",
		atStart(y), the(x), took, later)
}

func (c *Conn) reasonSimultaneous() string {
	x := c.firstFIN
	gap := max(0, c.side[x.Other()].fin.at-c.side[x].fin.at)
	return fmt.Sprintf("Both sides closed before the other's FIN had arrived (%s apart), so neither FIN could carry an ACK and each got its own: four segments", ms(gap))
}

func (c *Conn) reasonHalf() string {
	x, _, _ := c.order()
	y := x.Other()
	sent := ""
	if n := c.side[y].after; n > 0 {
		sent = " and sent " + count(n, "more byte")
	}
	if c.deserted() {
		return c.reasonDeserted(x)
	}
	if c.side[y].fin.seen {
		return fmt.Sprintf("%s closed its half, %s acknowledged that%s, and no copy of its own FIN arrived: %s is in %s, %s in %s",
			atStart(x), the(y), sent, the(x), flow.FinWait2, the(y), flow.LastAck)
	}
	return fmt.Sprintf("%s closed its half, %s acknowledged that%s, and no FIN of its own was seen: %s is in %s, %s in %s",
		atStart(x), the(y), sent, the(x), flow.FinWait2, the(y), flow.CloseWait)
}

func (c *Conn) reasonUnanswered() string {
	x, _, _ := c.order()
	y := x.Other()
	f := &c.side[x].fin
	switch {
	case c.side[y].segments == 0 && !c.inVain(x):
		return fmt.Sprintf("Only %s's segments are in the trace, so nothing shows whether its FIN was acknowledged", the(x))
	case c.lossOf(x).missed > 0 || c.lossOf(x).ackMissed:
		return c.reasonMissed(x)
	case c.lossOf(x).beyond > 0:
		return fmt.Sprintf("%s sent its FIN %s, and %s answers with an ACK of more than %s has sent: the two are out of step, as behind a proxy or a device that sends in the name of one",
			atStart(x), times(int(f.again)+1), the(y), the(x))
	case f.again > 0:
		return fmt.Sprintf("%s sent its FIN %s in %s and no ACK came: the FIN, or every ACK of it, was lost, or %s is gone",
			atStart(x), times(int(f.again)+1), ms(f.last-f.at), the(y))
	case c.inVain(x):
		return c.triedBefore(x)
	case c.talk.any && c.talk.by == y && c.talk.at > f.at:
		return fmt.Sprintf("%s closed, and what %s sent after that does not acknowledge the FIN", atStart(x), the(y))
	}
	if c.last <= f.at {
		return fmt.Sprintf("%s's FIN is the last segment that was seen", atStart(x))
	}
	return fmt.Sprintf("Nothing seen in the %s after %s's FIN acknowledges it", ms(c.last-f.at), the(x))
}

func (c *Conn) reasonOpen() string {
	cl, sv := &c.side[flow.Client], &c.side[flow.Server]
	switch {
	case sv.segments == 0 && cl.hasAck, cl.segments == 0 && sv.hasAck:
		return c.reasonOpenHalf()
	case cl.synSeen && sv.segments == 0:
		if c.syns > 1 {
			return fmt.Sprintf("The client sent its SYN %s and nothing answered", times(int(c.syns)))
		}
		return "The SYN was not answered by the end of the trace"
	case cl.synSeen && sv.synSeen && !cl.hasAck && sv.bytes == 0 && c.missing(flow.Client) == 0:
		return "The handshake was not over by the end of the trace"
	}
	return "Neither side had closed by the end of the trace"
}

// reasonOpenHalf is for a connection of which one side alone was seen, whose ACKs show the
// other.
func (c *Conn) reasonOpenHalf() string {
	x := flow.Client
	if c.side[x].segments == 0 {
		x = flow.Server
	}
	if x == flow.Client && c.side[x].synSeen {
		return "Only the client's segments are in the trace: its ACK shows that its SYN was answered, and it had not closed by the end"
	}
	return fmt.Sprintf("Only %s's segments are in the trace, and it had not closed by the end", the(x))
}

// aside adds what else happened, as far as it is no part of the kind.
func (c *Conn) aside(k Kind) (s string) {
	two := k == ThreeWay || k == FourWay || k == Simultaneous
	for side := range c.side {
		f := &c.side[side].fin
		if f.again > 0 && k != Unanswered && c.finLost(flow.Side(side)) != LostState {
			s += fmt.Sprintf("; %s sent its FIN %s, as %s", the(flow.Side(side)), times(int(f.again)+1), c.whyAgain(flow.Side(side)))
		}
		if two {
			s += c.asideACK(flow.Side(side))
		}
	}
	return s + c.asideRefused() + c.asideRST() + c.asideReuse()
}

// asideRST mentions a RST after the close was over.
func (c *Conn) asideRST() string {
	switch {
	case !c.lateR:
		return ""
	case c.gone[c.lateBy]:
		return "; a RST from " + the(c.lateBy) + " after the close was over shows that its TIME_WAIT was gone"
	case c.gone != [2]bool{}:
		return "; a RST after the close was over ended TIME_WAIT"
	}
	return "; a RST came after the close was over"
}
