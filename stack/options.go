package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// The options have the names and meanings of *net.TCPConn's. After Close each of them
// fails with net.ErrClosed. Keep-alive is off at first, as on a socket, and unlike on what
// net.Dial returns.

// The values that net.KeepAliveConfig's zeros stand for.
const (
	keepAliveTime  = 15 * time.Second
	keepAliveCount = 9
)

// SetKeepAlive says whether probes are sent on an idle connection (RFC 9293 3.8.4).
func (c *Conn) SetKeepAlive(on bool) error {
	if c.closed.Load() {
		return c.fail("set", net.ErrClosed)
	}
	c.ep.SocketOptions().SetKeepAlive(on)
	return nil
}

// SetKeepAlivePeriod sets how long the connection is idle before the first probe, and how
// long each probe waits for the next. It does not begin to send any.
func (c *Conn) SetKeepAlivePeriod(d time.Duration) error {
	return c.setKeepAlive(net.KeepAliveConfig{Idle: d, Interval: d, Count: -1})
}

// SetKeepAliveConfig sets all about keep-alive. In the config, zero stands for 15 s, 15 s
// and 9 probes, and what is negative stays as it is. Times are kept to the nanosecond, where
// the kernel rounds up to seconds.
func (c *Conn) SetKeepAliveConfig(config net.KeepAliveConfig) error {
	if config.Idle == 0 {
		config.Idle = keepAliveTime
	}
	if config.Interval == 0 {
		config.Interval = keepAliveTime
	}
	if config.Count == 0 {
		config.Count = keepAliveCount
	}
	if err := c.setKeepAlive(config); err != nil {
		return err
	}
	return c.SetKeepAlive(config.Enable)
}

// setKeepAlive sets what is positive.
func (c *Conn) setKeepAlive(config net.KeepAliveConfig) error {
	if c.closed.Load() {
		return c.fail("set", net.ErrClosed)
	}
	idle, interval := tcpip.KeepaliveIdleOption(config.Idle), tcpip.KeepaliveIntervalOption(config.Interval)
	var errs [3]tcpip.Error
	if idle > 0 {
		errs[0] = c.ep.SetSockOpt(&idle)
	}
	if interval > 0 {
		errs[1] = c.ep.SetSockOpt(&interval)
	}
	if config.Count > 0 {
		errs[2] = c.ep.SetSockOptInt(tcpip.KeepaliveCountOption, config.Count)
	}
	for _, err := range errs {
		if err != nil {
			return c.fail("set", errno(err))
		}
	}
	return nil
}

// SetNoDelay says whether small segments are sent at once, the default, or only when all
// before them is acknowledged (Nagle's algorithm, RFC 9293 3.7.4).
func (c *Conn) SetNoDelay(on bool) error {
	if c.closed.Load() {
		return c.fail("set", net.ErrClosed)
	}
	c.ep.SocketOptions().SetDelayOption(!on)
	return nil
}

// errNoFile is why there is no File, and no SyscallConn.
var errNoFile = fmt.Errorf("the TCP is in userspace, so that the kernel has no file descriptor of it; "+
	"copy from and to a socket pair if another process needs one: %w", errors.ErrUnsupported)

// File fails: there is no file descriptor. The error wraps errors.ErrUnsupported.
func (c *Conn) File() (*os.File, error) { return nil, c.fail("file", errNoFile) }

// File fails: there is no file descriptor. The error wraps errors.ErrUnsupported.
func (l *Listener) File() (*os.File, error) { return nil, opError("file", nil, l.addr, errNoFile) }
