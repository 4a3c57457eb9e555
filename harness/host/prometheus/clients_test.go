package prometheus

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// behaviour is who closes a connection.
type behaviour int

const (
	// serverCloses: TIME_WAIT is the server's, and takes no port of the client's.
	serverCloses behaviour = iota
	// clientCloses: TIME_WAIT is the client's.
	clientCloses
	// serverLeaks: the client closes, and the server never does.
	serverLeaks
)

// clients makes a connection to a server at addr again and again, until the test ends.
func clients(t *testing.T, addr string, every time.Duration, b behaviour) {
	t.Helper()
	// Keep-alive, which Go has on, ends CLOSE_WAIT once the peer's FIN_WAIT_2 is over.
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	background(t, func(ctx context.Context) {
		defer l.Close()
		tick := time.NewTicker(every)
		defer tick.Stop()
		var leaked []io.Closer
		// A port that is used again would meet the connection that leaked, and reset it.
		// The others bind none: that would take one that no other destination has either.
		var from *net.TCPAddr
		if b == serverLeaks {
			from = &net.TCPAddr{Port: leaksFrom}
		}
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				for _, c := range leaked {
					_ = c.Close()
				}
				return
			}
			if c := connect(l, from, b); c != nil {
				leaked = append(leaked, c)
				from.Port++
			}
		}
	})
}

// leaksFrom is the first local port of connections that leak, outside the range of the others.
const leaksFrom = 30_000

// connect makes one connection and returns what is to leak. That no port is left is no
// failure: the alert is about that.
func connect(l net.Listener, from *net.TCPAddr, b behaviour) io.Closer {
	client, err := net.DialTCP("tcp", from, l.Addr().(*net.TCPAddr))
	if err != nil {
		return nil
	}
	server, err := l.Accept()
	if err != nil {
		_ = client.Close()
		return nil
	}
	var first, second net.Conn = client, server
	if b == serverCloses {
		first, second = server, client
	}
	_ = first.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, second)
	if b == serverLeaks {
		_ = first.Close()
		return second
	}
	_ = second.Close()
	_ = first.Close()
	return nil
}

const (
	// idleFrom is the first local port of connections that are reset, outside all other ranges.
	idleFrom = 31_000
	// idleFor is for how long they are silent; explain takes a second for a limit.
	idleFor = 1200 * time.Millisecond
	// idleEvery is between two of them.
	idleEvery = 125 * time.Millisecond
)

// idlers makes connections to a server at addr, each with a request and an answer, which the
// server resets when they have been silent for a while, until the test ends.
func idlers(t *testing.T, addr string) {
	t.Helper()
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	background(t, func(ctx context.Context) {
		defer l.Close()
		tick := time.NewTicker(idleEvery)
		defer tick.Stop()
		var idle [][2]*net.TCPConn // the oldest first: a client's and a server's
		reset := func() {
			_, _ = idle[0][1].SetLinger(0), idle[0][1].Close()
			_ = idle[0][0].Close()
			idle = idle[1:]
		}
		for port := idleFrom; ; port++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				for len(idle) > 0 {
					reset()
				}
				return
			}
			if c := request(l, port); c != nil {
				idle = append(idle, *c)
			}
			if len(idle) > int(idleFor/idleEvery) {
				reset()
			}
		}
	})
}

// request makes a connection over which a request went and an answer came back.
func request(l net.Listener, port int) *[2]*net.TCPConn {
	client, err := net.DialTCP("tcp", &net.TCPAddr{Port: port}, l.Addr().(*net.TCPAddr))
	if err != nil {
		return nil
	}
	server, err := l.Accept()
	if err != nil {
		_ = client.Close()
		return nil
	}
	b := make([]byte, 1)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		_, _ = way[0].Write(b)
		_, _ = way[1].Read(b)
	}
	return &[2]*net.TCPConn{client, server.(*net.TCPConn)}
}
