package stack

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"lastack/stack/impair"
	"lastack/stack/tunable"
)

// TestSynCookies: a connection that begins with a SYN cookie is as good as any other. Each
// rule is one way in which netstack's cookies fail; see closepath's cookie.go.
func TestSynCookies(t *testing.T) {
	for _, tt := range []struct {
		name, rule string
	}{
		// Data come before the ACK that netstack makes the endpoint of.
		{"the handshake's ACK lost", "drop the 1st pure ACK from peer"},
		// The ACK of the host's FIN comes again when netstack has forgotten the connection.
		{"each ACK twice", "duplicate every pure ACK from peer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			families(t, func(t *testing.T, host, _ netip.Addr) { echoByCookie(t, host, tt.rule) })
		})
	}
}

// echoByCookie carries so many echoes through that what a listener counts wrongly would
// fill its receive buffer.
func echoByCookie(t *testing.T, host netip.Addr, rule string) {
	const workers, conns, size = 4, 100, 20_000
	w := newTwo(t)
	if err := w.host.Tunables().SetInt(tunable.SynCookies, 2); err != nil {
		t.Fatal(err)
	}
	r, err := impair.Parse(rule)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.host.SetImpairments([]impair.Rule{r}); err != nil {
		t.Fatal(err)
	}
	l, err := w.host.Listen("tcp", net.JoinHostPort(host.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	accepted := serveEchoes(l)
	var clients sync.WaitGroup
	for i := range workers {
		clients.Go(func() {
			for n := i; n < conns && !t.Failed(); n += workers {
				echoOnce(t, w.peer, l.Addr().String(), size)
			}
		})
	}
	clients.Wait()
	waitFor(t, func() bool { return w.host.Flows() == 0 },
		func() string { return "connections are left" })
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if n := <-accepted; n != conns {
		t.Errorf("%d connections accepted, %d made", n, conns)
	}
}

// serveEchoes serves until the listener is closed, and then says how many connections it
// has accepted.
func serveEchoes(l *Listener) <-chan int {
	accepted := make(chan int, 1)
	go func() {
		n := 0
		for {
			c, err := l.Accept()
			if err != nil {
				accepted <- n
				return
			}
			n++
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return accepted
}

func echoOnce(t *testing.T, from *Host, to string, size int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := from.Dial(ctx, "tcp", to)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	want := bytes.Repeat([]byte("echo"), size/4)
	go func() {
		_, _ = c.Write(want)
		_ = c.(*Conn).CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d back, %v", len(got), size, err)
	}
}
