package churn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"lastack/harness/lab/wire"
)

const requestSize = 64

// request is what each request sends and its answer repeats.
var request = bytes.Repeat([]byte("lastack\n"), requestSize/len("lastack\n"))

// exchangeTimeout bounds a handshake, and one exchange with the close after it.
const exchangeTimeout = 10 * time.Second

// line is an open connection of the client; it ends with its context.
type line struct {
	wire.Conn
	release func() bool
	buf     [requestSize]byte
}

// connect opens one.
func connect(ctx context.Context, g *ground) (*line, error) {
	dialing, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	c, err := g.client.Dial(dialing, g.to, 0, nil)
	if err != nil {
		return nil, err
	}
	// A second Close has nothing to report.
	return &line{Conn: c, release: context.AfterFunc(ctx, func() { _ = c.Close() })}, nil
}

// ask sends a request and reads its answer, which the connection outlives.
func (l *line) ask() error {
	if err := l.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return err
	}
	if _, err := l.Write(request); err != nil {
		return err
	}
	if _, err := io.ReadFull(l, l.buf[:]); err != nil {
		return err
	}
	if !bytes.Equal(l.buf[:], request) {
		return errors.New("the answer is not the request")
	}
	return nil
}

// closeFirst sends the first FIN and returns when the server's has come: then
// this side is in TIME_WAIT.
func (l *line) closeFirst() error {
	if err := l.CloseWrite(); err != nil {
		return err
	}
	return l.closeSecond()
}

// closeSecond closes when the server has.
func (l *line) closeSecond() error {
	switch n, err := l.Read(l.buf[:]); {
	case err == nil:
		return fmt.Errorf("%d bytes too many", n)
	case !errors.Is(err, io.EOF):
		return err
	}
	return l.Close()
}

// Close closes this side, whatever the other has done.
func (l *line) Close() error {
	l.release()
	return l.Conn.Close()
}
