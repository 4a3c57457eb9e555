package closing

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"lastack/stack/tunable"
)

// Side is one end of the wire.
type Side struct {
	// Listen listens on the side's only address, and Dial connects to the other side's, on
	// the same port.
	Listen func() (net.Listener, error)
	Dial   func(context.Context) (net.Conn, error)
}

// Pair is a subject with its peer.
type Pair struct {
	Subject, Peer Side
	Wire          *Wire
	// Tunables are the subject's close path's; nil: it has none.
	Tunables *tunable.Set
}

// NewTunables is a set for a subject. An application on a busy machine may be late to close.
func NewTunables(t *testing.T) *tunable.Set {
	t.Helper()
	set := tunable.NewSet()
	if err := set.SetInt(tunable.DelayedACKms, 400); err != nil {
		t.Fatal(err)
	}
	return set
}

// LightTunables is one for a subject that lets the close path serve connections light. An
// adopter whose listeners do not ask for them gets none, and sees no difference.
func LightTunables(t *testing.T) *tunable.Set {
	t.Helper()
	set := NewTunables(t)
	if err := set.SetInt(tunable.Light, 1); err != nil {
		t.Fatal(err)
	}
	return set
}

const (
	three = "FIN+ACK >FIN+ACK ACK"
	four  = "FIN+ACK >ACK >FIN+ACK ACK"
)

// Passive checks how the subject closes when the peer goes first.
func (p *Pair) Passive(t *testing.T) {
	t.Helper()
	s, c := connect(t, p.Subject, p.Peer)
	p.Wire.clear()
	closeBoth(t, c, s)
	want := four
	if p.Tunables != nil {
		want = three
	}
	await(t, "the close", func() bool { return len(p.Wire.close()) >= len(want) })
	if got := p.Wire.close(); got != want {
		t.Errorf("the wire saw %s, want %s", got, want)
	}
}

// reuseDelay is net.ipv4.tcp_tw_reuse_delay's default.
const reuseDelay = time.Second

// Ports checks what becomes of the subject's only ephemeral port when it goes first. Only
// where the close path is, a new connection may have it after a second, if
// net.ipv4.tcp_tw_reuse says so.
func (p *Pair) Ports(t *testing.T) {
	t.Helper()
	l := listen(t, p.Peer)
	begin := time.Now()
	c, s := dialTo(t, l, p.Subject)
	p.Wire.clear()
	closeBoth(t, c, s)
	await(t, "the last ACK", func() bool { return len(p.Wire.close()) >= len(three)+1 })
	p.refused(t)
	if p.Tunables != nil {
		if err := p.Tunables.SetInt(tunable.TWReuse, 1); err != nil {
			t.Fatal(err)
		}
		p.refused(t)
	}
	for {
		conn, err := p.dial()
		took := time.Since(begin)
		switch {
		case err != nil && took < 3*reuseDelay && p.Tunables != nil, err != nil && took < reuseDelay+reuseDelay/4:
			rest()
			continue
		case p.Tunables == nil && err == nil:
			t.Errorf("without a close path the port was there again after %s", took)
		case p.Tunables != nil && err != nil:
			t.Errorf("the port is not there again after %s: %v", took, err)
		case p.Tunables != nil && took < reuseDelay:
			t.Errorf("the port was there again after %s, want a second", took)
		}
		if conn != nil {
			_ = conn.Close()
		}
		return
	}
}

// refused checks that there is no port now.
func (p *Pair) refused(t *testing.T) {
	t.Helper()
	if conn, err := p.dial(); err == nil {
		_ = conn.Close()
		t.Error("a second connection got the only port, which is in TIME_WAIT")
	}
}

func (p *Pair) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return p.Subject.Dial(ctx)
}

// Reopens checks whether the peer, which has a single port, can connect again when the
// subject went first and is in TIME_WAIT: by RFC 9293 3.10.7.4 and RFC 6191 it can.
func (p *Pair) Reopens(t *testing.T) {
	t.Helper()
	l := listen(t, p.Subject)
	c, s := dialTo(t, l, p.Peer)
	p.Wire.clear()
	closeBoth(t, s, c)
	await(t, "the last ACK", func() bool { return len(p.Wire.close()) >= len(three)+1 })
	var again net.Conn
	give := time.Now().Add(2 * time.Second) // a SYN is repeated after one
	for again == nil && time.Now().Before(give) {
		ctx, cancel := context.WithDeadline(context.Background(), give)
		var err error
		if again, err = p.Peer.Dial(ctx); err != nil {
			rest() // the peer's own stack has not given up its port yet
		}
		cancel()
	}
	switch {
	case p.Tunables != nil && again == nil:
		t.Errorf("the peer's SYN did not end TIME_WAIT")
	case p.Tunables == nil && again != nil:
		t.Errorf("without a close path the peer's SYN ended TIME_WAIT; netstack has become better")
	}
	if again != nil {
		_ = again.Close()
	}
}

// connect is a connection from the one side to the other, which is s.
func connect(t *testing.T, to, from Side) (s, c net.Conn) {
	t.Helper()
	l := listen(t, to)
	c, s = dialTo(t, l, from)
	_ = l.Close()
	return s, c
}

func listen(t *testing.T, at Side) net.Listener {
	t.Helper()
	l, err := at.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func dialTo(t *testing.T, l net.Listener, from Side) (c, s net.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := from.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return c, s
}

// closeBoth closes first, and second when it has read the end.
func closeBoth(t *testing.T, first, second net.Conn) {
	t.Helper()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(second); len(b) > 0 || err != nil {
		t.Fatalf("read %q, %v, want the end", b, err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

// await looks every now and then, for at most ten seconds.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	give := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(give) {
			t.Fatalf("waited in vain for %s", what)
		}
		rest()
	}
}

func rest() { <-time.After(time.Millisecond) }
