package stack

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Conn is a TCP connection of the host: a net.Conn with the closing calls and options of
// *net.TCPConn. It may be used from several goroutines.
type Conn struct {
	host          *Host
	clock         tcpip.Clock
	ep            tcpip.Endpoint
	wq            *waiter.Queue
	local, remote netip.AddrPort
	closed        atomic.Bool
	read, write   direction
	sent          sent
}

var _ net.Conn = (*Conn)(nil)

// direction is what reading, writing and accepting each have: a lock, so that one
// goroutine does it at a time, a deadline, and a channel to wait on, which
// netstack fills through the entry. The entry is registered by the first wait.
type direction struct {
	mu       sync.Mutex
	deadline deadline
	wake     chan struct{}
	entry    waiter.Entry
	waiting  bool // the entry is registered; guarded by mu
}

// events that can end a wait, beside data or room: an error or a hang-up.
const ended = waiter.EventHUp | waiter.EventErr | waiter.EventRdHUp

func newConn(h *Host, ep tcpip.Endpoint, wq *waiter.Queue) (*Conn, tcpip.Error) {
	c := &Conn{host: h, clock: h.clock, ep: ep, wq: wq}
	c.read.entry, c.read.wake = waiter.NewChannelEntry(waiter.ReadableEvents | ended)
	c.write.entry, c.write.wake = waiter.NewChannelEntry(waiter.WritableEvents | ended)
	local, err := ep.GetLocalAddress()
	if err != nil {
		return nil, err
	}
	remote, err := ep.GetRemoteAddress()
	if err != nil {
		return nil, err
	}
	c.local, c.remote = ownAddr(local), ownAddr(remote)
	return c, nil
}

// wait returns when there may be something to do in the direction: after an
// event, a moved or passed deadline, or Close. The first call returns at once,
// as events before it went unnoticed. d.mu is held.
func (d *direction) wait(wq *waiter.Queue) {
	if !d.waiting {
		wq.EventRegister(&d.entry)
		d.waiting = true
		return
	}
	select {
	case <-d.wake:
	case <-d.deadline.wait():
	}
}

// poke makes a waiting reader or writer look again.
func (d *direction) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// release lets netstack forget the direction's waiter, and with it the Conn:
// its endpoint may stay in TIME_WAIT for a long while.
func (d *direction) release(wq *waiter.Queue) {
	d.poke()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting {
		wq.EventUnregister(&d.entry)
		d.waiting = false
	}
}

// ownAddr converts netstack's form; IPv4 comes out as IPv4.
func ownAddr(a tcpip.FullAddress) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(a.Addr.AsSlice())
	return netip.AddrPortFrom(addr.Unmap(), a.Port)
}

// Read reads what has arrived, waiting for something to; io.EOF is the peer's
// FIN (RFC 9293 3.9.1.4, 3.10.4).
func (c *Conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	deepen(0)
	c.read.mu.Lock()
	defer c.read.mu.Unlock()
	for {
		if c.closed.Load() {
			return 0, c.fail("read", net.ErrClosed)
		}
		if c.read.deadline.over() {
			return 0, timeoutError("read", c.LocalAddr(), c.RemoteAddr())
		}
		w := tcpip.SliceWriter(b)
		res, err := c.ep.Read(&w, tcpip.ReadOptions{})
		switch err.(type) {
		case nil:
			c.ep.ModerateRecvBuf(res.Count)
			return res.Count, nil
		case *tcpip.ErrWouldBlock:
			c.read.wait(c.wq)
		default:
			return 0, c.ioError("read", err)
		}
	}
}

// Write sends all of b, waiting for room in the send buffer. n counts what the
// host took over, which is not what the peer has acknowledged.
func (c *Conn) Write(b []byte) (n int, err error) {
	deepen(0)
	c.write.mu.Lock()
	defer c.write.mu.Unlock()
	return c.writeAll(b)
}

// writeAll is Write. c.write.mu is held.
func (c *Conn) writeAll(b []byte) (n int, err error) {
	var r bytes.Reader
	for n < len(b) {
		if c.closed.Load() {
			return n, c.fail("write", net.ErrClosed)
		}
		if c.write.deadline.over() {
			return n, timeoutError("write", c.LocalAddr(), c.RemoteAddr())
		}
		r.Reset(b[n:])
		taken, err := c.sent.write(c.ep, &r, tcpip.WriteOptions{})
		n += int(taken)
		switch err.(type) {
		case nil:
		case *tcpip.ErrWouldBlock:
			c.write.wait(c.wq)
		default:
			return n, c.ioError("write", err)
		}
	}
	return n, nil
}

// Close closes both directions and forgets the connection: a FIN behind what
// was written, or a RST if data lies unread (RFC 9293 3.6.1) or SetLinger(0)
// was called. It does not wait. Closing again is net.ErrClosed.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return c.fail("close", net.ErrClosed)
	}
	c.ep.Close()
	c.host.path.Ended(c.Tuple(), c.sent.total())
	c.host.path.Orphan(c.Tuple())
	c.read.release(c.wq)
	c.write.release(c.wq)
	return nil
}

// WriteLast is Write and then CloseWrite, for an application that knows that b is the last
// it has to say: the FIN goes in b's last segment, as after MSG_MORE and shutdown(2) on Linux,
// so that the close has a segment less. Nothing waits for the FIN, and with
// lastack.fin_with_data=0 it goes by itself. If not all of b could be written the connection
// stays open for writing. It does not close the connection: Close does.
func (c *Conn) WriteLast(b []byte) (n int, err error) {
	deepen(0)
	c.write.mu.Lock()
	defer c.write.mu.Unlock()
	c.host.path.Ends(c.Tuple(), c.sent.total()+uint64(len(b)))
	if n, err = c.writeAll(b); err == nil {
		err = c.CloseWrite()
	}
	if err != nil {
		c.host.path.GoesOn(c.Tuple())
	}
	return n, err
}

// CloseWrite sends a FIN behind what was written and leaves the other direction
// open: a half-close (RFC 9293 3.6).
func (c *Conn) CloseWrite() error { return c.shutdown(tcpip.ShutdownWrite) }

// CloseRead discards what arrives from now on. It sends nothing.
func (c *Conn) CloseRead() error { return c.shutdown(tcpip.ShutdownRead) }

func (c *Conn) shutdown(flags tcpip.ShutdownFlags) error {
	if c.closed.Load() {
		return c.fail("shutdown", net.ErrClosed)
	}
	if err := c.ep.Shutdown(flags); err != nil {
		return c.fail("shutdown", errno(err))
	}
	if flags&tcpip.ShutdownWrite != 0 {
		c.host.path.Ended(c.Tuple(), c.sent.total())
	}
	return nil
}

// SetLinger sets what Close does with data that is not yet acknowledged:
// sec < 0 (the default) sends it in the background; 0 discards it and resets
// the connection; sec > 0 sends it in the background, and may discard what is
// left after so many seconds, which this host never does.
func (c *Conn) SetLinger(sec int) error {
	if c.closed.Load() {
		return c.fail("set", net.ErrClosed)
	}
	c.ep.SocketOptions().SetLinger(tcpip.LingerOption{
		Enabled: sec >= 0,
		Timeout: time.Duration(max(sec, 0)) * time.Second,
	})
	return nil
}

// LocalAddr is the host's end.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr is the peer's end.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// Tuple is the connection's 4-tuple as the host's segments carry it.
func (c *Conn) Tuple() segment.Tuple {
	return segment.Tuple{
		Src: segment.EndpointFrom(c.local),
		Dst: segment.EndpointFrom(c.remote),
	}
}

// SetDeadline sets both deadlines, in the time of the host's clock.
func (c *Conn) SetDeadline(t time.Time) error {
	_ = c.SetWriteDeadline(t) // fails just when the next one does
	return c.SetReadDeadline(t)
}

// SetReadDeadline ends Reads after t; the zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.read, t) }

// SetWriteDeadline ends Writes after t; the zero time means never.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.write, t) }

func (c *Conn) setDeadline(d *direction, t time.Time) error {
	if c.closed.Load() {
		return c.fail("set", net.ErrClosed)
	}
	d.deadline.set(c.clock, t)
	d.poke()
	return nil
}

func (c *Conn) fail(op string, err error) error {
	return opError(op, c.LocalAddr(), c.RemoteAddr(), err)
}

// ioError converts what a read or write ended with. EOF stays bare, as callers
// compare with it.
func (c *Conn) ioError(op string, err tcpip.Error) error {
	e := errno(err)
	switch {
	case c.closed.Load():
		e = net.ErrClosed
	case e == io.EOF:
		return e
	}
	return c.fail(op, e)
}
