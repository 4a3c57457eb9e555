package teardown

import (
	"fmt"

	"lastack/stack/flow"
)

// reasonOpening is for a RST before the handshake was over: from whose sender it came, and
// what that had sent and got by then.
func (c *Conn) reasonOpening() string {
	r := c.rst
	x, y := r.by, r.by.Other()
	me, peer := &c.side[x], &c.side[y]
	after := max(0, r.at-peer.last.at)
	quick := peer.last.any && after <= answerUnknown
	switch {
	case x == flow.Client && me.synSeen && !peer.sentOther:
		return fmt.Sprintf("The client gave up with a RST %s after its SYN, which it had sent %s: nothing answered",
			ms(r.at-c.synAt), times(int(c.syns)))
	case x == flow.Client && me.synSeen && quick:
		return "The client answered the SYN-ACK with a RST: it had given the attempt up, or a program had sent the SYN past its TCP (a scan), or in its name"
	case x == flow.Client && me.synSeen:
		return fmt.Sprintf("The client gave the handshake up with a RST %s after the SYN-ACK", ms(after))
	case x == flow.Client && quick:
		return "The client answered a SYN-ACK with a RST: it did not ask for the connection, or gave it up"
	case x == flow.Server && me.synSeen && r.tries.again > 0:
		return fmt.Sprintf("The server gave up with a RST %s after its SYN-ACK, which it had sent %s: no ACK came",
			ms(r.at-c.synAckAt), times(int(r.tries.again)+1))
	case x == flow.Server && me.synSeen:
		return fmt.Sprintf("The server broke the handshake off with a RST %s after its SYN-ACK, before an ACK had come", ms(r.at-c.synAckAt))
	}
	return fmt.Sprintf("%s broke off the handshake with a RST", atStart(x))
}
