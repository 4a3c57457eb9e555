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
