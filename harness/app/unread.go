package app

import (
	"context"
	"time"
)

// newUnread is the kind unread: an application that closes without having read.
// Data waiting in the receive queue then turns the close into a RST (RFC 9293
// 3.6.1, RFC 2525 2.17); with none, it is a close by FIN, server first.
func newUnread(o *options, _ Config) handler {
	delay := o.delay("delay", 300*time.Millisecond, "time between accept and close")
	return func(ctx context.Context, c *conn) error {
		c.wait(ctx, *delay)
		return nil
	}
}
