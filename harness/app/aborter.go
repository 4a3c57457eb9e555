package app

import (
	"context"
	"errors"
	"fmt"
)

// newAborter is the kind aborter: close with SO_LINGER on and 0 s, which is the
// ABORT call of RFC 9293 3.9.1 and sends a RST instead of a FIN. It aborts also
// when the client closed without sending anything, from CLOSE_WAIT then.
func newAborter(_ *options, cfg Config) handler {
	return func(_ context.Context, c *conn) error {
		if err := c.answerOnce(c.writeAll); err != nil {
			return err
		}
		if err := c.lingerZero(); err != nil {
			cfg.Log.Error("cannot abort; closing with a FIN instead", "peer", c.RemoteAddr(), "err", err)
		}
		return nil
	}
}

// lingerZero makes the coming close an abort.
func (c *conn) lingerZero() error {
	l, ok := c.Conn.(interface{ SetLinger(sec int) error })
	if !ok {
		return fmt.Errorf("set SO_LINGER to 0 on a %T: it has no SetLinger(int) error: %w", c.Conn, errors.ErrUnsupported)
	}
	if err := l.SetLinger(0); err != nil {
		return fmt.Errorf("set SO_LINGER to 0: %w", err)
	}
	return nil
}
