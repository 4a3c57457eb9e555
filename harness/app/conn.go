package app

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// bufferSize is what one connection holds in memory at most while it streams, in
// bytes. It also bounds the "first read" of the kinds that answer one.
const bufferSize = 32 << 10

// conn is one accepted connection and what a kind may do with it.
//
// The verbs below read and write in a plain loop and not by io.Copy: on a kernel
// socket io.Copy would splice, which takes two more descriptors and other system
// calls than on lastack's host, and the two could no longer be compared.
type conn struct {
	net.Conn
	app *App

	once     sync.Once
	closeErr error
}

// Close closes the connection; further calls return what the first did.
func (c *conn) Close() error {
	c.once.Do(func() { c.closeErr = c.Conn.Close() })
	return c.closeErr
}

// echo sends back all it reads, until EOF.
func (c *conn) echo() error {
	return c.eachRead(func(p []byte) error {
		_, err := c.Write(p)
		return err
	})
}

// drain reads until EOF.
func (c *conn) drain() error {
	return c.eachRead(func([]byte) error { return nil })
}

// eachRead calls f with what each read returns, until EOF or an error. p belongs
// to f until it returns.
func (c *conn) eachRead(f func(p []byte) error) error {
	buf := c.buffer()
	defer c.app.buffers.Put(buf)
	for {
		n, err := c.Read(buf[:])
		if n > 0 {
			if err := f(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *conn) writeAll(p []byte) error {
	_, err := c.Write(p)
	return err
}

// answerOnce sends back what the first read returns; nothing if that is EOF.
func (c *conn) answerOnce(write func([]byte) error) error {
	buf := c.buffer()
	defer c.app.buffers.Put(buf)
	n, err := io.ReadAtLeast(c, buf[:], 1)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	return write(buf[:n])
}

// send writes the first n bytes of [Content].
func (c *conn) send(n int64) error {
	buf := c.buffer()
	defer c.app.buffers.Put(buf)
	content := Content(n)
	for {
		n, err := content.Read(buf[:])
		if err != nil {
			return nil // io.EOF, the only error of a content.
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// wait returns when d has passed, or at once when the app stops.
func (c *conn) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-c.app.cfg.After(d):
	case <-ctx.Done():
	}
}

func (c *conn) buffer() *[bufferSize]byte {
	return c.app.buffers.Get().(*[bufferSize]byte)
}
