package app

import "context"

// newServerCloses is the kind server-closes: the server is the active closer and
// holds TIME_WAIT. It closes after one read of up to bufferSize bytes; what the
// client sends beyond that is unread at close, or arrives after it, and then the
// server resets the connection (RFC 9293 3.6.1 and RFC 2525 2.17 on unread data).
// With fin=with-data it says that its answer is the last.
func newServerCloses(o *options, _ Config) handler {
	fin := o.choice("fin", "alone", "which segment the FIN is in: alone, or with-data, the answer's last", "alone", "with-data")
	return func(_ context.Context, c *conn) error {
		if *fin == "with-data" {
			return c.answerOnce(c.writeLast)
		}
		return c.answerOnce(c.writeAll)
	}
}
