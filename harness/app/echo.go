package app

import "context"

// newEcho is the kind echo: the textbook passive closer. It echoes as a stream
// (RFC 862) and closes at EOF, so the FIN that answers the client's can carry the
// acknowledgment of it.
func newEcho(*options, Config) handler {
	return func(_ context.Context, c *conn) error {
		return c.echo()
	}
}
