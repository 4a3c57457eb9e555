package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Waits between attempts to accept while the machine does not have something: the first,
// doubled up to the last.
const (
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = time.Second
)

// Serve accepts connections from ln and serves them, all at once, until ctx ends, ln is closed or ln fails for good. Then it closes ln and every
// connection still open, and returns once all its goroutines have ended.
//
// It takes ownership of ln. It returns nil when ctx ended or ln was closed, else
// the error of accept. Running out of descriptors or memory does not end it: it
// waits and tries again, up to once a second. Serve may run on several listeners
// at once; the counts are then those of all of them.
func (a *App) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{app: a, ctx: ctx, next: make(chan *conn), open: make(map[*conn]struct{})}
	s.goroutines.Go(func() {
		<-ctx.Done()
		ln.Close() // Its error has no reader: the listener is given up either way.
		s.closeAll()
	})
	err := s.accept(ln)
	cancel()
	s.goroutines.Wait()
	return err
}

// session is one call of Serve.
type session struct {
	app        *App
	ctx        context.Context
	goroutines sync.WaitGroup

	// next hands a connection to a goroutine that is through with its last, of
	// which up to maxIdle wait. A stack that has grown is a tenth of a short
	// connection's cost.
	next chan *conn
	idle atomic.Int32

	mu      sync.Mutex
	open    map[*conn]struct{}
	stopped bool // no connection starts any more
}

// accept starts connections until the session ends.
func (s *session) accept(ln net.Listener) error {
	backoff := firstBackoff
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			backoff = firstBackoff
			s.start(nc)
			continue
		case s.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case !transient(err):
			return fmt.Errorf("app %s: accept on %v: %w", s.app.spec, ln.Addr(), err)
		}
		s.app.acceptErrors.Add(1)
		s.app.cfg.Log.Warn("accept failed; trying again", "err", err, "in", backoff, "active", s.app.active.Load())
		select {
		case <-s.app.cfg.After(backoff):
		case <-s.ctx.Done():
			return nil
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// start gives a connection a goroutine.
func (s *session) start(nc net.Conn) {
	c := &conn{Conn: nc, app: s.app}
	s.app.accepted.Add(1)
	s.app.active.Add(1)
	s.mu.Lock()
	stopped := s.stopped
	if !stopped {
		s.open[c] = struct{}{}
	}
	s.mu.Unlock()
	if stopped {
		c.Close()
		s.app.active.Add(-1)
		return
	}
	select {
	case s.next <- c:
	default:
		s.goroutines.Go(func() { s.serve(c) })
	}
}

// maxIdle bounds the goroutines that wait for a connection.
const maxIdle = 64

// serve serves c, and then others as long as there is room for it to wait.
func (s *session) serve(c *conn) {
	for {
		s.run(c)
		if s.idle.Add(1) > maxIdle {
			s.idle.Add(-1)
			return
		}
		select {
		case c = <-s.next:
			s.idle.Add(-1)
		case <-s.ctx.Done():
			return
		}
	}
}

// run holds a connection from accept to close.
func (s *session) run(c *conn) {
	err := s.app.handle(s.ctx, c)
	// Close comes first: whatever is done before it delays the FIN.
	closeErr := c.Close()
	s.app.active.Add(-1)
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	if err = errors.Join(err, closeErr); err != nil && s.ctx.Err() == nil {
		s.app.cfg.Log.Debug("connection failed", "peer", c.RemoteAddr(), "err", err)
	}
}

// closeAll closes every open connection, which wakes the goroutines that read
// from or write to one, and lets no other start.
func (s *session) closeAll() {
	s.mu.Lock()
	s.stopped = true
	open := make([]*conn, 0, len(s.open))
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}

// transient reports whether accept may succeed later: descriptors or memory ran out, or
// an error of the one connection that was being accepted, which Linux hands to accept
// (accept(2), "Error handling").
func transient(err error) bool {
	for _, errno := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.EINTR, syscall.EAGAIN, syscall.ECONNABORTED, syscall.ECONNRESET,
		syscall.ENETDOWN, syscall.EPROTO, syscall.EHOSTDOWN, syscall.ENONET,
		syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EPERM,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
