package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"lastack/stack/impair"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// newLight are two hosts of which the first serves light, at what answers a connection.
func newLight(t *testing.T, clock tcpip.Clock, serve func(net.Conn)) (*two, *Listener) {
	t.Helper()
	w := newTwoOn(t, clock)
	if err := w.host.Tunables().SetInt(tunable.Light, 1); err != nil {
		t.Fatal(err)
	}
	l, err := w.host.Listen("tcp", "10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if serve != nil {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(c)
			}
		}()
	}
	return w, l
}

// echo sends back what comes, until the end.
func echo(c net.Conn) {
	b, err := io.ReadAll(c)
	if err == nil {
		_, err = c.Write(b)
	}
	_ = errors.Join(err, c.Close())
}

// ask sends a request on a connection of its own, and compares the answer.
func ask(ctx context.Context, from *Host, to string, request []byte) error {
	c, err := from.Dial(ctx, "tcp", to)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	// No deadline, which would go by the hosts' clock, and that may be a faster one.
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if _, err := c.Write(request); err != nil {
		return err
	}
	if err := c.(*Conn).CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err == nil && !bytes.Equal(answer, request) {
		err = fmt.Errorf("%d bytes came back as %d others", len(request), len(answer))
	}
	return err
}

// TestLight: netstack sees nothing of a short exchange, and all of a long one.
func TestLight(t *testing.T) {
	w, _ := newLight(t, nil, echo)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, n := range []int{0, 1, 1000, 10_000, 1 << 20} {
		if err := ask(ctx, w.peer, "10.0.0.2:80", make([]byte, n)); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		promoted := uint64(0)
		if n > 100_000 {
			promoted = 1
		}
		if taken, moved := w.host.path.LightCounts(); taken != uint64(i+1) || moved != promoted {
			t.Errorf("after %d bytes, %d connections were taken and %d promoted", n, taken, moved)
		}
	}
	waitFor(t, func() bool { return w.host.Flows() == 0 }, func() string { return fmt.Sprintf("%d flows are left", w.host.Flows()) })
}

// TestLightBacklog: a listener keeps no more light connections than its backlog, and netstack
// those beyond.
func TestLightBacklog(t *testing.T) {
	w, l := newLight(t, nil, nil)
	l.light.Close()
	const backlog = 3
	l.light = w.host.listenLight(l.ep, backlog, l.wq)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 2 * backlog {
		c, err := w.peer.Dial(ctx, "tcp", "10.0.0.2:80")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	waitFor(t, func() bool { return w.host.SocketCounts().States["ESTABLISHED"] == 2*backlog },
		func() string { return fmt.Sprintf("%+v", w.host.SocketCounts()) })
	if taken, _ := w.host.path.LightCounts(); taken != backlog {
		t.Errorf("%d light connections wait, with a backlog of %d", taken, backlog)
	}
	for range 2 * backlog {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
}

// TestLightOptions: an option that a light connection does not know is netstack's.
func TestLightOptions(t *testing.T) {
	w, l := newLight(t, nil, nil)
	s, c := accept(t, l, w.peer)
	if err := errors.Join(s.SetNoDelay(true), s.SetLinger(5)); err != nil {
		t.Fatal(err)
	}
	if _, moved := w.host.path.LightCounts(); moved != 0 {
		t.Error("promoted without need")
	}
	if err := errors.Join(s.SetKeepAlive(true), s.SetKeepAlivePeriod(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, moved := w.host.path.LightCounts(); moved != 1 {
		t.Error("keep-alive without netstack")
	}
	if linger := s.ep.SocketOptions().GetLinger(); !linger.Enabled || linger.Timeout != 5*time.Second {
		t.Errorf("SO_LINGER is %+v", linger)
	}
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 10)); n != 1 || err != nil {
		t.Error(n, err)
	}
}

// TestLightOnABadWire: forty clients at a time, on a wire that loses every fifth segment: no
// connection stays, and every byte is right.
func TestLightOnABadWire(t *testing.T) {
	t.Parallel()
	w, _ := newLight(t, paced{tcpip.NewStdClock(), 8, 1}, echo)
	rule, err := impair.Parse("drop 20% of segments from either")
	if err == nil {
		err = w.peer.SetImpairments([]impair.Rule{rule})
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const n = 400
	failed := make([]error, n)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 40)
	for i := range n {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			request := make([]byte, rnd.IntN(20_000))
			for j := range request {
				request[j] = byte(rnd.Uint32())
			}
			failed[i] = ask(ctx, w.peer, "10.0.0.2:80", request)
		})
	}
	wg.Wait()
	bad := 0
	for i, err := range failed {
		if err != nil {
			t.Logf("request %d: %v", i, err)
			bad++
		}
	}
	taken, promoted := w.host.path.LightCounts()
	t.Logf("%d of %d failed; %d were taken and %d promoted", bad, n, taken, promoted)
	if bad > n/40 || promoted < n/4 {
		t.Errorf("%d of %d failed; %d were taken and %d promoted", bad, n, taken, promoted)
	}
	if err := w.peer.SetImpairments(nil); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return w.host.Flows() == 0 },
		func() string { return fmt.Sprintf("%d flows are left: %+v", w.host.Flows(), w.host.Sockets()) })
}
