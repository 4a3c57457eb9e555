package app

// writeLast writes what is the last that the connection has to say, and half-closes it, so
// that the FIN goes with the last segment of data where that is possible: on a host of
// lastack's, and on Linux. Elsewhere the FIN follows.
func (c *conn) writeLast(p []byte) error {
	if w, ok := c.Conn.(interface{ WriteLast([]byte) (int, error) }); ok {
		_, err := w.WriteLast(p)
		return err
	}
	if done, err := writeMore(c.Conn, p); done {
		return err // Close, which comes next, sends the FIN
	}
	_, err := c.Write(p)
	return err
}
