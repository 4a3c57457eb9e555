package closepath

import (
	"errors"
	"io"

	"lastack/stack/flow"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// This file is the application's side of a Light. Each call is netstack's own once
// netstack has the connection.

// Tuple is the connection's 4-tuple as the host's segments carry it.
func (c *Light) Tuple() segment.Tuple { return c.f.key }

// Queue is notified of the connection's events, whoever has it.
func (c *Light) Queue() *waiter.Queue { return &c.wq }

// lock locks the connection's flow, once it is not on its way to netstack; if netstack has
// it, that is the result, and nothing is locked.
func (c *Light) lock() *tcp.Endpoint {
	for {
		if ep := c.full.Load(); ep != nil {
			return ep
		}
		c.f.mu.Lock()
		if c.phase != moving {
			if ep := c.full.Load(); ep != nil {
				c.f.mu.Unlock()
				return ep
			}
			return nil
		}
		done := c.move.done
		c.f.mu.Unlock()
		<-done
	}
}

// unlock writes what was sent meanwhile.
func (c *Light) unlock() { _ = c.e.drain(c.f) } // a failed write is a lost segment

// whole promotes the connection and returns netstack's endpoint; nil if there is none any
// more.
func (c *Light) whole() *tcp.Endpoint {
	for {
		if ep := c.lock(); ep != nil {
			return ep
		}
		if c.phase == over {
			c.unlock()
			return nil
		}
		c.e.lights.promote(c, false)
		c.unlock()
	}
}

// Read implements tcpip.Endpoint.
func (c *Light) Read(w io.Writer, opts tcpip.ReadOptions) (tcpip.ReadResult, tcpip.Error) {
	if opts.Peek {
		if ep := c.whole(); ep != nil {
			return ep.Read(w, opts)
		}
	}
	if ep := c.lock(); ep != nil {
		return ep.Read(w, opts)
	}
	defer c.unlock()
	if rest := c.conn.Unread(); len(rest) > 0 {
		n, err := w.Write(rest)
		c.conn.Read(rest[:n])
		if n == 0 && err != nil && !errors.Is(err, io.ErrShortWrite) {
			return tcpip.ReadResult{}, &tcpip.ErrBadBuffer{}
		}
		return tcpip.ReadResult{Count: n, Total: n}, nil
	}
	switch {
	case c.phase == over && c.err != nil:
		err := c.err
		c.err = nil // it is told once, as netstack does
		return tcpip.ReadResult{}, err
	case c.phase == over, c.conn.FINTaken(), c.closed:
		return tcpip.ReadResult{}, &tcpip.ErrClosedForReceive{}
	}
	return tcpip.ReadResult{}, &tcpip.ErrWouldBlock{}
}

// Write implements tcpip.Endpoint.
func (c *Light) Write(p tcpip.Payloader, opts tcpip.WriteOptions) (int64, tcpip.Error) {
	if opts.More || opts.To != nil {
		if ep := c.whole(); ep != nil {
			return ep.Write(p, opts)
		}
	}
	for {
		ep := c.lock()
		if ep != nil {
			return ep.Write(p, opts)
		}
		switch {
		case c.phase == over && c.err != nil:
			err := c.err
			c.err = nil
			c.unlock()
			return 0, err
		case c.phase == over, c.conn.FINSent():
			c.unlock()
			return 0, &tcpip.ErrClosedForSend{}
		}
		now := c.e.timeWait.now()
		if c.conn.Room(p.Len()) && !c.conn.Old(now) {
			break
		}
		c.e.lights.promote(c, false)
		c.unlock()
	}
	defer c.unlock()
	if c.conn.Una() == c.conn.Next() {
		c.progress = c.e.clock.NowMonotonic()
	}
	data := make([]byte, p.Len())
	if _, err := io.ReadFull(p, data); err != nil {
		return 0, &tcpip.ErrBadBuffer{}
	}
	pieces := c.conn.Send(data, c.e.timeWait.now())
	for i, piece := range pieces {
		flags := segment.ACK
		if i == len(pieces)-1 {
			flags |= segment.PSH
		}
		c.e.lights.send(c, flags, piece.Seq, piece.Data)
		if c.phase != alone {
			break // an impairment, say, has ended the flow
		}
	}
	return int64(len(data)), nil
}

// Shutdown implements tcpip.Endpoint. Reading is shut by netstack alone.
func (c *Light) Shutdown(flags tcpip.ShutdownFlags) tcpip.Error {
	if flags&tcpip.ShutdownRead != 0 {
		if ep := c.whole(); ep != nil {
			return ep.Shutdown(flags)
		}
		return &tcpip.ErrNotConnected{}
	}
	if ep := c.lock(); ep != nil {
		return ep.Shutdown(flags)
	}
	defer c.unlock()
	if c.phase == over {
		return &tcpip.ErrNotConnected{}
	}
	c.finish()
	return nil
}

// finish sends the FIN, once.
func (c *Light) finish() {
	if !c.conn.FINSent() {
		c.e.lights.send(c, segment.FIN|segment.ACK, c.conn.SendFIN(), nil)
	}
}

// Close implements tcpip.Endpoint: a FIN behind what was written, or a RST where data are
// unread (RFC 9293 3.6.1) or SO_LINGER is 0.
func (c *Light) Close() {
	if ep := c.lock(); ep != nil {
		ep.Close()
		return
	}
	defer c.unlock()
	if c.closed || c.phase == over {
		c.closed = true
		return
	}
	c.closed = true
	if len(c.conn.Unread()) > 0 || c.aborts() {
		c.e.lights.abort(c)
		return
	}
	c.finish()
	if c.phase == alone && c.f.conn.State(c.f.host) == flow.FinWait2 {
		c.e.lights.waitForFIN(c)
	}
	c.wq.Notify(waiter.ReadableEvents | waiter.WritableEvents)
}

// Abort resets the connection.
func (c *Light) Abort() {
	if ep := c.lock(); ep != nil {
		ep.Abort()
		return
	}
	defer c.unlock()
	c.closed = true
	if c.phase == alone {
		c.e.lights.abort(c)
	}
}

// ModerateRecvBuf implements tcpip.Endpoint.
func (c *Light) ModerateRecvBuf(copied int) {
	if ep := c.full.Load(); ep != nil {
		ep.ModerateRecvBuf(copied)
	}
}

// LightInfo describes a connection that the close path has in netstack's place.
type LightInfo struct {
	Tuple segment.Tuple // Src is the host
	State flow.State
	// RecvQ counts bytes that the application has not read, SendQ bytes that the peer has
	// not acknowledged.
	RecvQ, SendQ int
	Timestamps   bool
}

// Light describes the connection on a tuple (Src is the host), if it is a light one.
func (e *Endpoint) Light(t segment.Tuple) (LightInfo, bool) {
	f := e.flows.lookup(t)
	if f == nil {
		return LightInfo{}, false
	}
	return f.lightInfo()
}

func (f *tracked) lightInfo() (LightInfo, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.light
	if c == nil || c.phase == whole || c.phase == over {
		return LightInfo{}, false
	}
	i := LightInfo{Tuple: f.key, State: f.conn.State(f.host), RecvQ: len(c.conn.Unread()), Timestamps: c.conn.SYN.HasTimestamps}
	for _, p := range c.conn.Flight() {
		i.SendQ += len(p.Data)
	}
	return i, true
}

// EachLight calls f for each light connection until it returns false. No lock is held
// meanwhile; one that comes or goes may be missed.
func (e *Endpoint) EachLight(f func(*LightInfo) bool) {
	if e.lights.taken.Load() == 0 {
		return
	}
	for _, t := range e.flows.all() {
		if i, ok := t.lightInfo(); ok && !f(&i) {
			return
		}
	}
}

// LightCounts says how many connections the close path has taken in netstack's place, and
// how many of those it has handed to netstack.
func (e *Endpoint) LightCounts() (taken, promoted uint64) {
	return e.lights.taken.Load(), e.lights.promoted.Load()
}
