package programs

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// dial connects from within a namespace.
func dial(in doer, to netip.AddrPort) (c net.Conn, err error) {
	err = in.Do(func() error {
		c, err = (&net.Dialer{Timeout: 5 * time.Second}).Dial("tcp4", to.String())
		return err
	})
	return c, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
