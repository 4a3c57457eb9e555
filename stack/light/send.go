package light

import (
	"time"

	"lastack/stack/segment"
)

// Room reports whether n bytes can be sent at once: the peer's window has room, and no
// more than an initial window is under way.
func (c *Conn) Room(n int) bool {
	under := c.outstanding() + n
	mss := c.MSS()
	return !c.finSent && under <= int(c.window) && under <= InitialWindow*mss &&
		len(c.flight)+(n+mss-1)/mss <= InitialWindow
}

// Send takes over data for which there is Room, and returns the segments to send. It keeps
// the data, which must not change.
func (c *Conn) Send(data []byte, now time.Duration) []Piece {
	c.use(now)
	begin := len(c.flight)
	for len(data) > 0 {
		n := min(len(data), c.MSS())
		c.flight = append(c.flight, Piece{Seq: c.nxt, Data: data[:n:n]})
		c.nxt += segment.Seq(n)
		data = data[n:]
	}
	return c.flight[begin:]
}

// SendFIN takes in that the host sends its FIN, and returns the FIN's number.
func (c *Conn) SendFIN() segment.Seq {
	c.finSent = true
	c.nxt++
	return c.nxt - 1
}
