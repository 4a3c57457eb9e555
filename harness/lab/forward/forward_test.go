package forward

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lastack/stack"
	"lastack/stack/closepath"
	"lastack/stack/impair"
	"lastack/stack/tunable"
	"lastack/tun/tuntest"
)

// joined are two hosts with a Forwarder between them, and what it saw.
type joined struct {
	host, peer *stack.Host
	forwarder  *Forwarder
	mu         sync.Mutex
	seen       []string
}

// immune is a host's set in which no RST ends TIME_WAIT: on a busy machine a last ACK may go
// out twice, and the second draws a RST.
func immune(t *testing.T) *tunable.Set {
	t.Helper()
	set := tunable.NewSet()
	if err := set.SetInt(tunable.RFC1337, 1); err != nil {
		t.Fatal(err)
	}
	return set
}

func join(t *testing.T, rules ...string) *joined {
	t.Helper()
	j := &joined{}
	toHost, fromHost := tuntest.Pair(1500)
	toPeer, fromPeer := tuntest.Pair(1500)
	var err error
	cfg := Config{Host: toHost, Peer: toPeer, Tap: j.tap}
	for _, r := range rules {
		rule, err := impair.Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Impairments = append(cfg.Impairments, rule)
	}
	if j.forwarder, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if j.host, err = stack.New(stack.Config{Device: fromHost, Tunables: immune(t), Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}}); err != nil {
		t.Fatal(err)
	}
	if j.peer, err = stack.New(stack.Config{Device: fromPeer, Tunables: immune(t), Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range []io.Closer{j.peer, j.host, j.forwarder} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return j
}

func (j *joined) tap(e *closepath.Event) {
	if e.Point != closepath.Wire {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen = append(j.seen, fmt.Sprintf("%s %s %s", e.Kind, e.Dir, e.Seg.Flags))
}

func (j *joined) count(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, s := range j.seen {
		if strings.HasPrefix(s, what) {
			n++
		}
	}
	return n
}

// last lists the latest n segments.
func (j *joined) last(n int) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.seen[max(0, len(j.seen)-n):])
}

// exchange sends 300,000 bytes to the host's echo and back, and closes.
func (j *joined) exchange(t *testing.T) {
	t.Helper()
	l, err := j.host.Listen("tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(c, c)
		_ = c.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	nc, err := j.peer.Dial(ctx, "tcp", "10.0.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	c := nc.(*stack.Conn)
	defer func() { _ = c.Close() }()
	data := bytes.Repeat([]byte("0123456789"), 30_000)
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, bytes.NewReader(data))
		if err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}()
	got, err := io.ReadAll(net.Conn(c))
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("got %d bytes back, %v", len(got), err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestForwards(t *testing.T) {
	j := join(t)
	j.exchange(t)
	if j.count("seen in FIN") == 0 || j.count("seen out FIN") == 0 || j.count("impaired") != 0 {
		t.Errorf("seen: %v", j.last(10))
	}
	// The end of what it reads comes a little before its last ACK goes.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for j.peer.TimeWaits() != 1 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the peer has %d in TIME_WAIT; seen: %v", j.peer.TimeWaits(), j.last(10))
		}
	}
}

func TestImpairs(t *testing.T) {
	j := join(t, "drop the 1st FIN from peer", "drop the first 2 segments with data from host")
	j.exchange(t)
	if j.count("impaired in FIN") != 1 {
		t.Errorf("%d FINs dropped", j.count("impaired in FIN"))
	}
	if n := j.count("impaired out"); n != 2 {
		t.Errorf("%d segments from the host dropped", n)
	}
}

// TestImpairsTimeWait: a host in TIME_WAIT answers for itself, and its answers
// fall to rules as before.
func TestImpairsTimeWait(t *testing.T) {
	j := join(t, "drop the first 2 ACKs of a FIN from host")
	l, err := j.host.Listen("tcp", ":9")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 2 { // each connection has its own two
		c, err := j.peer.Dial(ctx, "tcp", "10.0.0.2:9")
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close() // the host closes first, and acknowledges the peer's FIN last
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Error(err)
		}
		_ = c.Close()
		// The peer's FIN comes thrice, until its ACK arrives.
		tuple := c.(*stack.Conn).Tuple()
		for j.peer.State(tuple) != "CLOSED" {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				t.Fatalf("the peer is %s", j.peer.State(tuple))
			}
		}
	}
	if n := j.count("impaired out ACK"); n != 4 {
		t.Errorf("%d of the host's last ACKs dropped, want 4: %v", n, j.seen)
	}
	if n := j.count("seen in FIN"); n < 6 {
		t.Errorf("the peer's FIN was seen %d times, want 3 of each connection", n)
	}
}

func TestConfig(t *testing.T) {
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "Config.Host") {
		t.Errorf("without devices: %v", err)
	}
}
