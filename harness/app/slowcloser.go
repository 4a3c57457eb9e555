package app

import (
	"context"
	"time"
)

// newSlowCloser is the kind slow-closer: an application that has more to do
// between EOF and close. Past the delayed acknowledgment the FIN of the client is
// acknowledged on its own, and the close takes four segments.
func newSlowCloser(o *options, _ Config) handler {
	delay := o.delay("delay", 300*time.Millisecond, "time between EOF and close")
	return func(ctx context.Context, c *conn) error {
		if err := c.echo(); err != nil {
			return err
		}
		c.wait(ctx, *delay)
		return nil
	}
}
