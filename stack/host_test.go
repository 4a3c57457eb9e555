package stack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lastack/stack/impair"
	"lastack/stack/segment"
	"lastack/stack/tunable"
	"lastack/tun/tuntest"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

func TestListenErrors(t *testing.T) {
	w := newTwo(t)
	l, err := w.host.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		network, address string
		errno            syscall.Errno
		say              string
	}{
		{"tcp", ":80", syscall.EADDRINUSE, "listen tcp"},
		{"tcp", "10.0.0.2:80", syscall.EADDRINUSE, "10.0.0.2:80"},
		{"tcp", "10.9.9.9:80", syscall.EADDRNOTAVAIL, "10.9.9.9:80"},
		{"udp", ":80", 0, "unknown network udp"},
		{"tcp", "web:80", 0, "not an IP address"},
		{"tcp", "10.0.0.2", 0, "missing port"},
		{"tcp", "10.0.0.2:99999", 0, "0 to 65535"},
		{"tcp6", "10.0.0.2:80", 0, "not an address of tcp6"},
	} {
		_, err := w.host.Listen(tt.network, tt.address)
		var op *net.OpError
		if !errors.As(err, &op) || !strings.Contains(err.Error(), tt.say) || tt.errno != 0 && !errors.Is(err, tt.errno) {
			t.Errorf("Listen(%s, %s): %v, want %q", tt.network, tt.address, err, tt.say)
		}
	}
	accepted := make(chan error, 1)
	go func() { _, err := l.Accept(); accepted <- err }()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v, want net.ErrClosed", err)
	}
	again, err := w.host.Listen("tcp", ":80")
	if err != nil {
		t.Errorf("the port is not free after Close: %v", err)
	} else {
		_ = again.Close()
	}
}

func TestDialErrors(t *testing.T) {
	w := newTwo(t)
	ctx := context.Background()
	if _, err := w.host.Dial(ctx, "tcp", "10.0.0.1:9"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("to a closed port: %v, want ECONNREFUSED", err)
	}
	for _, bad := range []string{":80", "10.0.0.1:0", "0.0.0.0:80", "nowhere:80"} {
		if c, err := w.host.Dial(ctx, "tcp", bad); err == nil {
			t.Errorf("Dial(%s) connected to %v", bad, c.RemoteAddr())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := w.host.Dial(ctx, "tcp", "10.0.0.77:80"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("to nobody: %v, want the context's error", err)
	}
	if _, err := w.host.Dial(ctx, "tcp", "10.0.0.1:80"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a dead context: %v", err)
	}
}

func TestOneListenerTakesBothFamilies(t *testing.T) {
	w := newTwo(t)
	l, err := w.host.Listen("tcp", ":8080")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	families(t, func(t *testing.T, host, peer netip.Addr) {
		c, err := w.peer.Dial(context.Background(), "tcp", netip.AddrPortFrom(host, 8080).String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.RemoteAddr().(*net.TCPAddr).AddrPort().Addr(); got != peer {
			t.Errorf("the remote address is %v, want %v", got, peer)
		}
		if st := w.host.State(s.(*Conn).Tuple()); st != "ESTABLISHED" {
			t.Errorf("state %s", st)
		}
		_, _ = c.Close(), s.Close()
	})
}

// TestNetstackObeys: netstack keeps TIME_WAIT for a moment only, and bounds FIN_WAIT_2
// of orphans as the tunable says.
func TestNetstackObeys(t *testing.T) {
	w := newTwo(t)
	if err := w.host.Tunables().SetInt(tunable.FinTimeout, 7); err != nil {
		t.Fatal(err)
	}
	var wait tcpip.TCPTimeWaitTimeoutOption
	if err := w.host.net.TransportProtocolOption(tcp.ProtocolNumber, &wait); err != nil || time.Duration(wait) > 5*time.Millisecond {
		t.Errorf("netstack waits %v in TIME_WAIT, %v", time.Duration(wait), err)
	}
	var linger tcpip.TCPLingerTimeoutOption
	if err := w.host.net.TransportProtocolOption(tcp.ProtocolNumber, &linger); err != nil || time.Duration(linger) != 7*time.Second {
		t.Errorf("netstack waits %v in FIN_WAIT_2, %v", time.Duration(linger), err)
	}
	for _, when := range []int64{2, 1} {
		if err := w.host.Tunables().SetInt(tunable.SynCookies, when); err != nil {
			t.Fatal(err)
		}
		var always tcpip.TCPAlwaysUseSynCookies
		if err := w.host.net.TransportProtocolOption(tcp.ProtocolNumber, &always); err != nil || bool(always) != (when == 2) {
			t.Errorf("tcp_syncookies=%d: netstack's cookies for all: %v, %v", when, always, err)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	dev, _ := tuntest.Pair(1500)
	for name, tt := range map[string]struct {
		cfg  Config
		want string
	}{
		"no device":  {Config{Addrs: []netip.Addr{addr4}}, "Device"},
		"no address": {Config{Device: dev}, "Addrs"},
		"multicast":  {Config{Device: dev, Addrs: []netip.Addr{netip.MustParseAddr("224.0.0.1")}}, "224.0.0.1"},
		"bad rule": {
			Config{Device: dev, Addrs: []netip.Addr{addr4}, Impairments: []impair.Rule{{}, {Picks: impair.Nth}}}, "impairment 2",
		},
		"negative backlog": {Config{Device: dev, Addrs: []netip.Addr{addr4}, Backlog: -1}, "Backlog"},
	} {
		if _, err := New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestSetImpairments(t *testing.T) {
	w := newTwo(t)
	if err := w.host.SetImpairments([]impair.Rule{{Delay: time.Second}}); err == nil {
		t.Error("a rule that drops and has a delay was taken")
	}
	for _, want := range [][]impair.Rule{{{Kind: impair.FIN}, {Kind: impair.RST}}, nil} {
		if err := w.host.SetImpairments(want); err != nil {
			t.Fatal(err)
		}
		if got := w.host.Impairments(); !slices.Equal(got, want) {
			t.Errorf("rules %v, want %v", got, want)
		}
	}
}

// Close resets what is open, so that the peer learns of it.
func TestHostCloseResets(t *testing.T) {
	w := newTwo(t)
	s, c := w.pair(t, addr4)
	if err := w.host.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer reads %v, want ECONNRESET", err)
	}
	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("the host's connection outlived the host")
	}
	<-w.host.Done()
}

// The host's own connection closes first: its last ACK is never held, and its
// TIME_WAIT leaves after 2MSL.
func TestHostAsClientEndsInTimeWait(t *testing.T) {
	w := newTwo(t)
	l, err := w.peer.Listen("tcp", ":9")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := w.host.Tunables().SetInt(tunable.MSLms, 20); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := w.host.Dial(ctx, "tcp", "10.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_, _ = s.Read(make([]byte, 1))
	_ = s.Close()
	const want = ">SYN SYN+ACK >ACK >FIN+ACK ACK FIN+ACK >ACK"
	if got := strings.Join(w.waitFlags(t, 7), " "); got != want {
		t.Errorf("on the wire: %s, want %s", got, want)
	}
	waitState(t, w.host, c.(*Conn), "CLOSED")
	waitFor(t, func() bool { return w.host.Flows() == 0 }, func() string { return "a flow stayed beyond 2MSL" })
}

// TestHostCloseWhileConnecting: Close ends a connection that comes about while it resets the
// others, too.
func TestHostCloseWhileConnecting(t *testing.T) {
	w := newTwo(t)
	w.pair(t, addr4)
	var once sync.Once
	w.seen = func(s *segment.Segment) {
		if !s.Flags.Has(segment.RST) {
			return
		}
		once.Do(func() {
			connecting := make(chan struct{})
			go func() { // as the segment's connection is locked
				defer close(connecting)
				r, err := w.host.Raw(header.IPv4ProtocolNumber)
				if err != nil {
					t.Error(err)
					return
				}
				if _, started := r.Connect(netip.MustParseAddrPort("10.0.0.9:80"), nil).(*tcpip.ErrConnectStarted); !started {
					t.Error("it does not connect")
				}
			}()
			<-connecting
		})
	}
	closed := make(chan error, 1)
	go func() { closed <- w.host.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Close does not return")
	}
}
