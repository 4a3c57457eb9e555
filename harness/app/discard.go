package app

import "context"

// newDiscard is the kind discard (RFC 863). It never sends data, so nothing but
// acknowledgments and the FIN leaves this side.
func newDiscard(*options, Config) handler {
	return func(_ context.Context, c *conn) error {
		return c.drain()
	}
}
