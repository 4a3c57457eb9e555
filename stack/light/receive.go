package light

import (
	"time"

	"lastack/stack/segment"
)

// maxAge is how long data may come and go before a connection counts as one that lives:
// congestion control and the tuning of buffers are then worth having.
const maxAge = time.Second

// Plain reports whether the connection can take the segment, which TCP takes: it is in
// order, within the window, acknowledges what was sent, and nothing about it says that
// something was lost or that the peer has no room.
func (c *Conn) Plain(s *segment.Segment, now time.Duration) bool {
	in, twice := s.Len(), tookTwice(s)
	switch {
	case !s.Flags.Has(segment.ACK) || s.Flags&^(segment.ACK|segment.PSH|segment.FIN) != 0:
		return false
	case s.SACKCount > 0 && !twice || s.HasTimestamps != c.SYN.HasTimestamps:
		return false
	case s.Seq != c.rcv || c.finTaken && in > 0 || in > c.edge.Diff(c.rcv):
		return false
	case s.Ack.Less(c.una) || c.nxt.Less(s.Ack):
		return false
	case s.Ack == c.una && in == 0 && !twice && c.outstanding() > 0 && c.widened(s) == c.window:
		return false // a duplicate ACK (RFC 5681 2)
	case s.PayloadLen > 0 && (len(c.unread)+s.PayloadLen > int(c.cfg.Window) || c.Old(now)):
		return false
	}
	// With no room for what is under way the peer has shrunk its window, and with none at
	// all it wants to be probed.
	left := c.nxt.Diff(s.Ack)
	return c.widened(s) > 0 && int(c.widened(s)) >= left-1 || c.finSent && left == 0
}

// tookTwice reports whether a segment says that the peer got something twice, and nothing else
// (RFC 2883 4): a probe was needless, or the network made a copy.
func tookTwice(s *segment.Segment) bool {
	return s.SACKCount == 1 && s.SACKBlocks[0].End.LessEq(s.Ack)
}

// outstanding is how much of the host's sequence numbers is not acknowledged.
func (c *Conn) outstanding() int { return c.nxt.Diff(c.una) }

func (c *Conn) widened(s *segment.Segment) uint32 { return uint32(s.Window) << c.peerScale() }

// Receive takes a plain segment in, and its data over. It reports whether the host owes an
// acknowledgment.
func (c *Conn) Receive(s *segment.Segment, data []byte, now time.Duration) (owes bool) {
	c.window = c.widened(s)
	c.acknowledged(s.Ack)
	if len(data) > 0 {
		if c.unread == nil {
			c.unread = data
		} else {
			c.unread = append(c.unread, data...)
		}
		c.rcv += segment.Seq(len(data))
		c.use(now)
	}
	if s.Flags.Has(segment.FIN) {
		c.rcv++
		c.finTaken = true
	}
	return s.Len() > 0
}

// acknowledged forgets what the peer has.
func (c *Conn) acknowledged(ack segment.Seq) {
	c.una = ack
	n := 0
	for n < len(c.flight) && (c.flight[n].Seq + segment.Seq(len(c.flight[n].Data))).LessEq(ack) {
		n++
	}
	if n == len(c.flight) {
		c.flight = nil
		return
	}
	c.flight = c.flight[n:]
	if first := &c.flight[0]; first.Seq.Less(ack) {
		first.Data = first.Data[ack.Diff(first.Seq):]
		first.Seq = ack
	}
}

// Read moves unread data to b.
func (c *Conn) Read(b []byte) int {
	n := copy(b, c.unread)
	c.unread = c.unread[n:]
	if len(c.unread) == 0 {
		c.unread = nil // an idle connection keeps no buffer
	}
	return n
}

// Offer is the acknowledgment and the window field of a segment that the host sends now.
// The right edge never moves back (RFC 9293 3.8.6), and forward only where the
// application keeps up or much has come.
func (c *Conn) Offer() (ack segment.Seq, window uint16) {
	room := int(c.cfg.Full) - len(c.unread)
	if c.edge.Diff(c.rcv) < room && (c.rcv.Diff(c.acked) >= c.cfg.Overhead || len(c.unread) <= c.before) {
		c.edge = c.rcv + segment.Seq(room)
	}
	c.before, c.acked = len(c.unread), c.rcv
	return c.rcv, uint16(min(max(c.edge.Diff(c.rcv), 0)>>c.Scale(), 0xffff))
}

// use notes that data come or go.
func (c *Conn) use(now time.Duration) {
	if !c.used {
		c.used, c.first = true, now
	}
}

// Old reports whether data have come or gone for so long that the connection is worth a
// whole TCP.
func (c *Conn) Old(now time.Duration) bool { return c.used && now-c.first > maxAge }
