package soak

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// The habits of clients.
const (
	// echoes half-closes behind what it sends, reads the echo to its end.
	echoes = "echo"
	// closesSecond makes the server close first.
	closesSecond = "server-first"
	// aborts resets the connection (SO_LINGER 0) while its echo is under way.
	aborts = "abort"
	// leavesUnread closes while the echo lies unread, for which Linux sends RST.
	leavesUnread = "unread"
	// isAborted has the server reset the connection.
	isAborted = "aborted"
	// isIgnored sends to a server that closes without reading it: RST.
	isIgnored = "ignored"
)

// lostReset is how long a client waits for the server's RST, which nobody sends
// again if it is lost.
const lostReset = 20 * time.Second

type habit struct {
	name string
	port uint16
	// most bounds the size; 0 is the load's.
	most int64
	// idle bounds the time without progress where the load does not.
	idle time.Duration
	run  func(*exchange) error
}

// habits is the table of them.
var habits = []habit{
	{echoes, echoServer.Port, 0, 0, (*exchange).echo},
	{closesSecond, closesServer.Port, 1000, 0, (*exchange).closeSecond},
	{aborts, echoServer.Port, 100_000, 0, (*exchange).abort},
	{leavesUnread, echoServer.Port, 20_000, 0, (*exchange).leaveUnread},
	{isAborted, abortsServer.Port, 1000, lostReset, (*exchange).beAborted},
	{isIgnored, ignoresServer.Port, 1000, lostReset, (*exchange).beIgnored},
}

// pick draws a habit from the mix.
func pick(mix map[string]int, r *rand.Rand) *habit {
	if len(mix) == 0 {
		return &habits[0]
	}
	total := 0
	for _, n := range mix {
		total += n
	}
	left := r.IntN(total)
	return &habits[slices.IndexFunc(habits, func(h habit) bool {
		left -= mix[h.name]
		return left < 0
	})]
}

// echo sends everything and half-closes, while it reads everything back.
func (x *exchange) echo() error {
	sent := make(chan error, 1)
	go func() { sent <- x.send(x.size, true) }()
	if err := x.readBack(); err != nil {
		_ = x.conn.SetLinger(0)
		_ = x.conn.Close() // ends a write that waits
		<-sent             // broken by that
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	return x.complete()
}

// closeSecond closes after the server has. The server answers what its first read
// returns, so all of it is one write, and one segment.
func (x *exchange) closeSecond() error {
	if err := x.write(make([]byte, x.size)); err != nil {
		return err
	}
	if err := x.readBack(); err != nil {
		return err
	}
	return x.complete()
}

// complete closes, if all has come back.
func (x *exchange) complete() error {
	if x.back.Load() != x.size {
		return io.ErrUnexpectedEOF // which sizes, a sample tells
	}
	return x.conn.Close()
}

// abort resets while both directions may be under way.
func (x *exchange) abort() error {
	if err := x.send(max(x.size/2, 1), false); err != nil {
		return err
	}
	if err := x.readSome(); err != nil {
		return err
	}
	if err := x.conn.SetLinger(0); err != nil {
		return err
	}
	return x.conn.Close()
}

// leaveUnread closes while something may have come that nobody reads.
func (x *exchange) leaveUnread() error {
	if err := x.send(x.size, false); err != nil {
		return err
	}
	if err := x.readSome(); err != nil {
		return err
	}
	return x.conn.Close()
}

// beAborted reads until the server's RST. The bytes before it have to be right.
func (x *exchange) beAborted() error {
	err := x.send(x.size, false)
	if err == nil {
		err = x.readBack()
	}
	return errors.Join(reset(err), x.conn.Close())
}

// beIgnored waits for the server to close, whichever way.
func (x *exchange) beIgnored() error { return x.beAborted() }

// reset takes a RST for what was expected, and nothing for one that was lost.
func reset(err error) error {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, errStalled) {
		return nil
	}
	return err
}
