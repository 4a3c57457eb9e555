package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"lastack/stack/flow"
	"lastack/stack/impair"
	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// TestWriteLast: the FIN goes in the last segment of what is written last, unless
// lastack.fin_with_data says otherwise, and after Write and Close in one of its own.
func TestWriteLast(t *testing.T) {
	last := func(c *Conn, b []byte) error { _, err := c.WriteLast(b); return errors.Join(err, c.Close()) }
	for name, c := range map[string]struct {
		with int64
		n    int
		say  func(*Conn, []byte) error
		want bool // the FIN goes with data, which then have no PSH
	}{
		"WriteLast":            {1, 100, last, true},
		"WriteLast, segments":  {1, 4000, last, true},
		"WriteLast, windows":   {1, 300_000, last, true},
		"WriteLast, no data":   {1, 0, last, false},
		"WriteLast, off":       {0, 100, last, false},
		"Write and Close":      {1, 100, func(c *Conn, b []byte) error { _, err := c.Write(b); return errors.Join(err, c.Close()) }, false},
		"Write and CloseWrite": {1, 100, func(c *Conn, b []byte) error { _, err := c.Write(b); return errors.Join(err, c.CloseWrite()) }, false},
	} {
		for _, light := range []int64{0, 1} {
			t.Run(fmt.Sprintf("%s, light=%d", name, light), func(t *testing.T) {
				w := newTwo(t)
				err := errors.Join(w.host.Tunables().SetInt(tunable.Light, light), w.host.Tunables().SetInt(tunable.FINWithData, c.with))
				if err != nil {
					t.Fatal(err)
				}
				host, peer := w.pair(t, addr4)
				text := bytes.Repeat([]byte("lastack"), c.n/7+1)[:c.n]
				done := make(chan error, 1)
				go func() { done <- c.say(host, text) }()
				got, err := io.ReadAll(peer)
				if err := errors.Join(err, <-done, peer.Close()); err != nil || !bytes.Equal(got, text) {
					t.Fatalf("%d bytes of %d: %v", len(got), c.n, err)
				}
				if name == "Write and CloseWrite" {
					_ = host.Close()
				}
				waitState(t, w.host, host, flow.TimeWait.String())
				// On a busy machine netstack may probe the tail, behind the first.
				if fin := w.firstFIN(); fin.PayloadLen > 0 != c.want || fin.Flags.Has(segment.PSH) {
					t.Errorf("the host's FIN is %s with %d bytes", fin.Flags, fin.PayloadLen)
				}
			})
		}
	}
}

// TestWriteLastEnds: what is written after it fails, and one that its deadline ends leaves
// the connection open for writing.
func TestWriteLastEnds(t *testing.T) {
	w := newTwo(t)
	host, peer := w.pair(t, addr4)
	if err := host.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if n, err := host.WriteLast([]byte("late")); n != 0 || err == nil {
		t.Fatal(n, err)
	}
	if err := host.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Write([]byte("more ")); err != nil {
		t.Fatal(err)
	}
	if _, err := host.WriteLast([]byte("last")); err != nil {
		t.Fatal(err)
	}
	if n, err := host.Write([]byte("x")); n != 0 || err == nil {
		t.Error(n, err)
	}
	if got, err := io.ReadAll(peer); string(got) != "more last" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	_ = errors.Join(peer.Close(), host.Close())
	if n, err := host.WriteLast([]byte("x")); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Error(n, err)
	}
}

// TestWriteLastLossy: with a fifth of all segments lost, every byte arrives and every
// connection ends, with the FIN in data that are lost, that arrive without their ACK, and
// that netstack gets from a light connection.
func TestWriteLastLossy(t *testing.T) {
	for _, light := range []int64{0, 1} {
		t.Run(fmt.Sprintf("light=%d", light), func(t *testing.T) {
			t.Parallel()
			lossyLast(t, light)
		})
	}
}

func lossyLast(t *testing.T, light int64) {
	w := newTwo(t)
	if err := w.host.Tunables().SetInt(tunable.Light, light); err != nil {
		t.Fatal(err)
	}
	rule, err := impair.Parse("drop 20% of segments from either")
	if err != nil {
		t.Fatal(err)
	}
	l, err := w.host.Listen("tcp", "10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				b, _ := io.ReadAll(c)
				_, err := c.(*Conn).WriteLast(b)
				_ = errors.Join(err, c.Close())
			}()
		}
	}()
	if err := w.host.SetImpairments([]impair.Rule{rule}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if err := ask(ctx, w.peer, "10.0.0.2:80", bytes.Repeat([]byte{byte(i)}, 1+i*i*5)); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if err := w.host.SetImpairments(nil); err != nil {
		t.Fatal(err)
	}
	live := func() int {
		n := 0
		for state, k := range w.host.SocketCounts().States {
			if state != flow.TimeWait.String() && state != flow.Listen.String() {
				n += k
			}
		}
		return n
	}
	waitFor(t, func() bool { return live() == 0 }, func() string { return fmt.Sprint(w.host.SocketCounts().States) })
}
