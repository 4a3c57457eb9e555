package app

import "context"

// newHalfCloser is the kind half-closer: it uses the half-open direction that a
// client's shutdown leaves it (RFC 9293 3.6, CLOSE-WAIT may still send). With no
// delay the acknowledgment of the client's FIN rides on the data.
func newHalfCloser(o *options, _ Config) handler {
	size := o.bytes("bytes", 4096, "bytes to send after EOF")
	delay := o.delay("delay", 0, "time between EOF and sending")
	return func(ctx context.Context, c *conn) error {
		if err := c.drain(); err != nil {
			return err
		}
		c.wait(ctx, *delay)
		return c.send(*size)
	}
}
