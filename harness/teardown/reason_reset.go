package teardown

import (
	"fmt"

	"lastack/stack/flow"
)

func (c *Conn) reasonRefused() string {
	who := c.server
	if c.rst.by == flow.Client {
		who = c.client
	}
	return fmt.Sprintf("Nothing listens on %s, or a firewall answers for it: a RST answered the SYN", who)
}

// reasonReset explains a RST. Where the wire cannot tell causes apart it says
// so.
func (c *Conn) reasonReset() (sentence, clause string) {
	x, y := c.rst.by, c.rst.by.Other()
	me := &c.side[x]
	switch c.rst.cause {
	case causeOld:
		return fmt.Sprintf("%s answered the SYN with an ACK of other numbers, as it does for an older connection of the same addresses and ports, and %s reset that one",
			atStart(y), the(x)), rfcGeneration
	case causeOpening:
		return fmt.Sprintf("%s broke off the handshake with a RST: it did not ask for the connection, or gave it up", atStart(x)), rfcGeneration
	case causeForgotten:
		return fmt.Sprintf("%s's FIN came when %s no longer knew the connection (its FIN_WAIT_2 or TIME_WAIT had expired or been dropped), so a RST answered it",
			atStart(y), the(x)), rfcGeneration
	case causeImpatient:
		return fmt.Sprintf("%s did not wait for %s's FIN and sent a RST %s after its own (TCP_LINGER2, a limit on orphans, SO_LINGER 0, or unread data; the wire does not tell which)",
			atStart(x), the(y), ms(max(0, c.rst.at-me.fin.at))), rfcAbort
	}
	if idle, ok := c.raced(); ok {
		why := "the two crossed, and the request met a RST"
		if !me.fin.seen {
			why += " (or it got the request and aborted, with SO_LINGER 0; the wire does not tell)"
		}
		return fmt.Sprintf("%s ended a connection that had been idle for %s just as %s sent another request: %s",
			atStart(x), ms(idle), the(y), why), rfcHalf
	}
	switch c.rst.cause {
	case causeClosed:
		return fmt.Sprintf("%s had closed both directions (close, not shutdown), so the %s that %s still sent could not be delivered, and a RST said so",
			atStart(x), count(c.rst.bytes, "byte"), the(y)), rfcHalf
	case causeUnknown:
		return fmt.Sprintf("%s answered a segment with a RST: it did not know the connection, or not any more (closed, killed or restarted)",
			atStart(x)), rfcGeneration
	}
	return c.reasonAbort(), rfcAbort
}

// reasonAbort is for a RST that its sender sent of its own accord.
func (c *Conn) reasonAbort() string {
	x, y := c.rst.by, c.rst.by.Other()
	peer, when := &c.side[y], ""
	if peer.fin.seen {
		when = fmt.Sprintf(" %s after %s's FIN", ms(max(0, c.rst.at-peer.fin.at)), the(y))
	}
	if c.rst.cause == causeAbortUnread {
		return fmt.Sprintf("%s aborted with a RST%s: it closed with unread data, or with SO_LINGER 0; the wire does not tell which", atStart(x), when)
	}
	return fmt.Sprintf("%s aborted with a RST%s: it had received no data that could be unread, so this was SO_LINGER 0 or a timeout of its own", atStart(x), when)
}
