package teardown

import (
	"fmt"
	"time"

	"lastack/stack/flow"
)

const (
	rfcKeepAlive = "9293 3.8.4"   // TCP keep-alives
	rfcFailures  = "9293 3.8.3"   // TCP connection failures
	rfcProbing   = "9293 3.8.6.1" // zero-window probing
)

func (c *Conn) reasonRefused() string {
	who := c.server
	if c.rst.by == flow.Client {
		who = c.client
	}
	what := "the SYN"
	if c.bareProbe {
		what = "a probe that was no SYN"
	}
	return fmt.Sprintf("Nothing listens on %s, or a firewall answers for it: a RST answered %s", who, what)
}

// reasonReset explains a RST. Where the wire cannot tell causes apart it says
// so.
func (c *Conn) reasonReset() (sentence, clause string) {
	r := c.rst
	x, y := r.by, r.by.Other()
	cause, why := c.cause()
	switch cause {
	case CauseTimeWaitHit:
		return fmt.Sprintf("%s answered the SYN with an ACK of other numbers, as it does for an older connection of the same addresses and ports, and %s reset that one",
			atStart(y), the(x)), rfcGeneration
	case CauseHandshake:
		return c.reasonOpening(), rfcGeneration
	case CauseMiddlebox:
		return c.reasonMiddlebox(), rfcGeneration
	case CauseRace:
		return c.reasonRace(), rfcHalf
	case CauseDataAfterClose:
		return fmt.Sprintf("%s had closed both directions (close, not shutdown)%s, so the %s that %s still sent could not be delivered, and a RST said so",
			atStart(x), c.closedWhile(), count(r.bytes, "byte"), the(y)), rfcHalf
	case CauseKeepAlive:
		return fmt.Sprintf("%s sent %s that nobody answered in %s, and gave the connection up with a RST: %s is gone, or a firewall on the path has forgotten the connection",
			atStart(x), count(uint64(r.tries.probes), "keep-alive probe"), ms(r.at-r.tries.first), the(y)), rfcKeepAlive
	case CauseUser:
		return c.reasonUser(why)
	case CauseGaveUp:
		return c.reasonGaveUp(why), rfcAbort
	case CauseIdle:
		return fmt.Sprintf("%s reset the connection after %s of silence, with all that was sent acknowledged: a limit on idle connections, its own or that of a device on the path",
			atStart(x), ms(r.idle)), rfcAbort
	case CauseFinWait2:
		if why == whyTimer {
			return fmt.Sprintf("%s had closed %s before, %s acknowledged that and did not close, and a RST ended FIN_WAIT_2, which had expired",
				atStart(x), ms(r.closed), the(y)), rfcGeneration
		}
		return fmt.Sprintf("%s had closed %s before, and its FIN_WAIT_2 or TIME_WAIT had expired or been dropped: a RST answered what %s sent then",
			atStart(x), ms(r.closed), the(y)), rfcGeneration
	case CauseStateGone:
		return c.reasonGone(), rfcGeneration
	case CauseUnknown:
		return c.reasonUnknown(why), rfcGeneration
	}
	return c.reasonAbort(why), rfcAbort
}

func (c *Conn) reasonMiddlebox() string {
	x := c.rst.by
	why := map[mismatch]string{
		otherTTL:    "its TTL is that of another machine",
		otherID:     "its IP identification does not continue that side's",
		echoedID:    "its IP identification is that of a segment which it answers",
		tooEarly:    "it acknowledges data that cannot have arrived there yet",
		contradicts: "that side goes on sending data behind it",
	}[c.rst.mismatch]
	return fmt.Sprintf("The RST bears the address of %s and did not come from there, as %s: a firewall, a load balancer or another device on the path ended the connection%s",
		the(x), why, c.quiet())
}

// quiet names the silence before the RST, where there was any.
func (c *Conn) quiet() string {
	idle := time.Duration(c.idle()) * time.Microsecond
	if idle < IdleFrom {
		return ""
	}
	return " after " + ms(idle) + " without data"
}

func (c *Conn) reasonRace() string {
	x, y := c.rst.by, c.rst.by.Other()
	idle, _ := c.raced()
	why := "the two crossed, and the request met a RST"
	if !c.side[x].fin.seen {
		why += " (or it got the request and aborted, with SO_LINGER 0; the wire does not tell)"
	}
	return fmt.Sprintf("%s ended a connection that had been idle for %s just as %s sent another request: %s",
		atStart(x), ms(idle), the(y), why)
}

// closedWhile says how long after the latest data the side that sent the RST had closed.
func (c *Conn) closedWhile() string {
	f := &c.side[c.rst.by].fin
	if f.idle < silence {
		return ""
	}
	return fmt.Sprintf(", %s after the latest data", ms(f.idle))
}

func (c *Conn) reasonUser(why why) (sentence, clause string) {
	r := c.rst
	x, y := r.by, r.by.Other()
	if why == whyShut {
		return fmt.Sprintf("%s gave up: %s's window had been shut for %s, as its application does not read, and probes did not open it (a user timeout)",
			atStart(x), the(y), ms(r.shut)), rfcProbing
	}
	return fmt.Sprintf("%s gave up: it had sent the same %s in %s and heard nothing (a user timeout), so %s or the path to it is gone",
		atStart(x), times(int(r.tries.again)+1), ms(r.at-r.tries.sent), the(y)), rfcFailures
}

func (c *Conn) reasonGaveUp(why why) string {
	if why == whyLateAnswer {
		return fmt.Sprintf("The client closed after it had waited %s for the answer to its request, and the %s of the answer that came then met a RST",
			ms(c.side[flow.Client].fin.idle), count(c.rst.bytes, "byte"))
	}
	if why == whyClosedFirst {
		return fmt.Sprintf("The client closed after it had waited %s for the answer to its request, and sent a RST %s later; no answer had come",
			ms(c.side[flow.Client].fin.idle), ms(max(0, c.rst.at-c.side[flow.Client].fin.at)))
	}
	return fmt.Sprintf("The client gave up with a RST %s after its request, to which no answer had come", ms(c.rst.idle))
}

func (c *Conn) reasonGone() string {
	r := c.rst
	x, y := r.by, r.by.Other()
	if c.side[x].fin.seen {
		return fmt.Sprintf("%s's FIN met a RST, as %s had no state left so soon after its own FIN (it was killed, TCP_LINGER2, a limit on orphans or TIME_WAIT, or a NAT that forgot; the wire does not tell which)",
			atStart(y), the(x))
	}
	what := "a segment"
	if r.toFIN {
		what = "the FIN of " + the(y)
	}
	return fmt.Sprintf("%s answered %s with a RST%s: it did not know the connection, or not any more (killed or restarted, or a device on the path had forgotten it)",
		atStart(x), what, c.quiet())
}

func (c *Conn) reasonUnknown(why why) string {
	r := c.rst
	x, y := r.by, r.by.Other()
	switch why {
	case whyAlone:
		return "The capture has the RST and nothing else, so it may be an abort, an answer to a segment that is missing, or a device's on the path"
	case whyOneSided:
		return fmt.Sprintf("The capture has nothing that %s sent, so the RST may be an abort, a time-out, or an answer to what is missing", the(y))
	case whyRecent:
		return fmt.Sprintf("A RST of %s answered a segment of %s, though %s had known the connection less than %s before: it may have aborted (abort), or a device on the path sent the RST (middlebox)",
			the(x), the(y), the(x), ms(GoneAfter))
	case whySenderUnseen:
		return fmt.Sprintf("The capture has nothing of %s but the RST, so it may be an abort, the end of a limit on idle connections, or a device's on the path", the(x))
	case whyDue:
		return fmt.Sprintf("The client reset the connection %s after its latest data, which were acknowledged, and to which no data had come: it gave up waiting for an answer (client-gave-up), or, if none was due, this was a limit of its own on idle connections (idle-timeout); one connection does not tell which",
			ms(r.idle))
	}
	return fmt.Sprintf("%s reset the connection after %s of silence, with all that was sent acknowledged: a limit on idle connections (idle-timeout), or an application that aborts (abort); one connection does not tell which",
		atStart(x), ms(r.idle))
}

// reasonAbort is for a RST that its sender sent of its own accord.
func (c *Conn) reasonAbort(why why) string {
	r := c.rst
	x, y := r.by, r.by.Other()
	me, peer := &c.side[x], &c.side[y]
	when := ""
	if peer.fin.seen {
		when = fmt.Sprintf(" %s after %s's FIN", ms(max(0, r.at-peer.fin.at)), the(y))
	}
	switch {
	case why == whyFastClose:
		by := x
		if peer.fastClose {
			by = y
		}
		return fmt.Sprintf("%s aborted the Multipath TCP connection (MP_FASTCLOSE, RFC 8684 3.5), of which the RST is a part", atStart(by))
	case why == whyOwnFIN:
		return fmt.Sprintf("%s did not wait for %s's FIN and sent a RST %s after its own (TCP_LINGER2, a limit on orphans, SO_LINGER 0, or unread data; the wire does not tell which)",
			atStart(x), the(y), ms(max(0, r.at-me.fin.at)))
	case peer.bytes > 0:
		return fmt.Sprintf("%s aborted with a RST%s: it closed with unread data, or with SO_LINGER 0, or was killed; the wire does not tell which", atStart(x), when)
	case !c.whole():
		return fmt.Sprintf("%s aborted with a RST%s: SO_LINGER 0, unread data, or a killed process; the capture does not have the beginning", atStart(x), when)
	}
	return fmt.Sprintf("%s aborted with a RST%s: it had received no data that could be unread, so this was SO_LINGER 0 or a timeout of its own", atStart(x), when)
}

// asideRefused mentions RSTs that their receiver did not take.
func (c *Conn) asideRefused() (s string) {
	for side := range c.side {
		o := &c.side[side].refused
		if n := o.challengedRST; n > 0 {
			s += fmt.Sprintf("; %s, not at the number that was expected, %s challenged and ended nothing", rstsOf(n, flow.Side(side)), was(n))
		}
		if n := o.ignoredRST; n > 0 {
			s += fmt.Sprintf("; %s, outside the window, %s ignored", rstsOf(n, flow.Side(side)), was(n))
		}
	}
	return s
}

func rstsOf(n uint32, s flow.Side) string { return count(uint64(n), "RST") + " of " + the(s) }

func was(n uint32) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
