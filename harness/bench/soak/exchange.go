package soak

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// chunk is the largest single write or read of a client.
const chunk = 32 << 10

// exchange is one connection of a client.
type exchange struct {
	habit *habit
	conn  *net.TCPConn
	size  int64
	idle  time.Duration // 0 is no bound

	out, in    *content
	rand       *rand.Rand // of the sender alone
	sent, back atomic.Int64
}

// errStalled is a connection without progress in either direction.
var errStalled = errors.New("no progress")

// send writes the next n bytes in pieces of random size, and half-closes if
// that is wanted.
func (x *exchange) send(n int64, end bool) error {
	buf := make([]byte, min(n, chunk))
	for n > 0 {
		p := buf[:1+x.rand.Int64N(min(n, chunk))]
		if err := x.write(p); err != nil {
			return err
		}
		n -= int64(len(p))
	}
	if end {
		return x.conn.CloseWrite()
	}
	return nil
}

// write fills p with the next bytes and writes them.
func (x *exchange) write(p []byte) error {
	x.out.next(p)
	for len(p) > 0 {
		k, err := x.bounded(x.conn.Write, p, x.conn.SetWriteDeadline)
		x.sent.Add(int64(k))
		p = p[k:]
		if err != nil {
			return err
		}
	}
	return nil
}

// readBack reads and compares until EOF.
func (x *exchange) readBack() error {
	buf := make([]byte, chunk)
	for {
		switch err := x.read(buf); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// readSome reads and compares once.
func (x *exchange) readSome() error { return x.read(make([]byte, 1000)) }

func (x *exchange) read(buf []byte) error {
	n, err := x.bounded(x.conn.Read, buf, x.conn.SetReadDeadline)
	x.back.Add(int64(n))
	if wrong := x.in.check(buf[:n]); wrong != nil {
		return wrong
	}
	return err
}

// bounded calls a read or write, again where its deadline passes while the other
// direction makes progress.
func (x *exchange) bounded(call func([]byte) (int, error), p []byte, deadline func(time.Time) error) (int, error) {
	if x.idle == 0 {
		return call(p)
	}
	for {
		before := x.sent.Load() + x.back.Load()
		if err := deadline(time.Now().Add(x.idle)); err != nil {
			return 0, err
		}
		n, err := call(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, ignoreDeadline(err)
		}
		if x.sent.Load()+x.back.Load() == before {
			return 0, errStalled
		}
	}
}

// ignoreDeadline: a call that moved something made progress.
func ignoreDeadline(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
