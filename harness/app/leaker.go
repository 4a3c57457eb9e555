package app

import "context"

// newLeaker is the kind leaker: the bug that piles up CLOSE_WAIT. After EOF it
// keeps the connection, and its descriptor, for as long as the app runs. Only a
// connection that the client resets before EOF is closed: it has no CLOSE_WAIT to
// show.
func newLeaker(*options, Config) handler {
	return func(ctx context.Context, c *conn) error {
		if err := c.drain(); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
}
