package service

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"lastack/harness/check/ends"
)

// conn is a connection to the service.
type conn struct {
	tcp *net.TCPConn
	tls *tls.Conn // nil without TLS
	// head is the beginning of what came, got counts all of it.
	head []byte
	got  int64
}

// maxHead is how much is kept of an answer: what a header may be.
const maxHead = 16 << 10

// lull is how long nothing more comes before an answer counts as whole.
const lull = 300 * time.Millisecond

// dial connects. It sends no keep-alive probes.
func (r *run) dial(ctx context.Context) (*conn, error) {
	if r.made == MaxConnections {
		return nil, fmt.Errorf("%d connections were made, and more are not allowed", r.made)
	}
	r.made++
	d := net.Dialer{KeepAlive: -1, Timeout: r.cfg.Patience}
	d.SetMultipathTCP(false)
	c, err := d.DialContext(ctx, "tcp", r.at.String())
	if err != nil {
		return nil, err
	}
	out := &conn{tcp: c.(*net.TCPConn)}
	context.AfterFunc(ctx, out.close) // ends whatever waits for it
	if r.cfg.TLS {
		host, _, _ := net.SplitHostPort(r.cfg.Address)
		out.tls = tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: host})
		if err := c.SetDeadline(time.Now().Add(r.cfg.Patience)); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		if err := out.tls.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("TLS handshake: %w", err), c.Close())
		}
	}
	return out, nil
}

// conn is the connection as what is read from and written to.
func (c *conn) stream() net.Conn {
	if c.tls != nil {
		return c.tls
	}
	return c.tcp
}

// send writes a text.
func (c *conn) send(text []byte, within time.Duration) error {
	if err := c.tcp.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := c.stream().Write(text)
	return err
}

// read reads until the connection ends or nothing comes for so long.
func (c *conn) read(quiet time.Duration) ends.Ending {
	start, buf := time.Now(), make([]byte, 32<<10)
	for {
		if err := c.tcp.SetReadDeadline(time.Now().Add(quiet)); err != nil {
			return ends.Of(err, time.Since(start))
		}
		n, err := c.stream().Read(buf)
		c.take(buf[:n])
		if err != nil {
			return ends.Of(err, time.Since(start))
		}
	}
}

// answer waits for the first bytes of an answer, and reads on until nothing more comes.
func (c *conn) answer(within time.Duration) ends.Ending {
	start, buf := time.Now(), make([]byte, 32<<10)
	if err := c.tcp.SetReadDeadline(start.Add(within)); err != nil {
		return ends.Of(err, time.Since(start))
	}
	n, err := c.stream().Read(buf)
	c.take(buf[:n])
	if err != nil {
		return ends.Of(err, time.Since(start))
	}
	e := c.read(lull)
	e.After = time.Since(start)
	return e
}

func (c *conn) take(b []byte) {
	c.got += int64(len(b))
	c.head = append(c.head, b[:min(len(b), maxHead-len(c.head))]...)
}

// closeWrite half-closes the connection, TLS's side of it first.
func (c *conn) closeWrite() error {
	if c.tls != nil {
		if err := c.tls.CloseWrite(); err != nil {
			return err
		}
	}
	return c.tcp.CloseWrite()
}

func (c *conn) close() { _ = c.tcp.Close() } // it may be closed

// own is the socket's address.
func (c *conn) own() netip.AddrPort {
	ap := c.tcp.LocalAddr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// announcement is where an HTTP answer says when the connection will be closed; empty
// where it does not.
func announcement(head []byte) string {
	header, _, _ := bytes.Cut(head, []byte("\r\n\r\n"))
	for line := range bytes.Lines(header) {
		name, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		value = bytes.TrimSpace(value)
		if ok && (bytes.EqualFold(name, []byte("Keep-Alive")) || bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close"))) {
			return string(name) + ": " + string(value)
		}
	}
	return ""
}
