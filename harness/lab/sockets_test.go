package lab_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// connection is a client's and a server's end of one TCP connection.
type connection struct {
	client, server         *net.TCPConn
	clientAddr, serverAddr netip.AddrPort
}

func connect(t *testing.T, l net.Listener, target string) connection {
	t.Helper()
	client, err := net.DialTimeout("tcp", target, watchdog)
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return connection{
		client: client.(*net.TCPConn), server: server.(*net.TCPConn),
		clientAddr: client.LocalAddr().(*net.TCPAddr).AddrPort(),
		serverAddr: client.RemoteAddr().(*net.TCPAddr).AddrPort(),
	}
}

func want(t *testing.T, local, remote netip.AddrPort, state string) lab.Socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	if _, err := lab.WaitState(ctx, local, remote, state); err != nil {
		t.Fatal(err)
	}
	s, err := lab.FindSocket(local, remote)
	if err != nil && !errors.Is(err, lab.ErrNoSocket) {
		t.Fatal(err)
	}
	return s
}

// TestStatesOfAClose walks a connection through a close that the client begins.
func TestStatesOfAClose(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	tests := []struct {
		name, listen, host string
		family             int
	}{
		{"IPv4", "127.0.0.1:0", "127.0.0.1", unix.AF_INET},
		{"IPv6", "[::1]:0", "::1", unix.AF_INET6},
		{"IPv4 to a dual-stack listener", "[::]:0", "127.0.0.1", unix.AF_INET},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", tt.listen)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			at := l.Addr().(*net.TCPAddr).AddrPort()
			s, err := lab.FindSocket(at, netip.AddrPort{})
			if err != nil || s.State != "LISTEN" || s.Local != at {
				t.Fatalf("the listener is %+v (%v)", s, err)
			}
			_, port, _ := net.SplitHostPort(l.Addr().String())
			closeByClient(t, connect(t, l, net.JoinHostPort(tt.host, port)), tt.family)
		})
	}
}

func closeByClient(t *testing.T, c connection, family int) {
	want(t, c.clientAddr, c.serverAddr, "ESTABLISHED")
	established := want(t, c.serverAddr, c.clientAddr, "ESTABLISHED")
	if established.Timer != "keepalive" || established.TimerLeft() <= 0 || established.Inode == 0 {
		t.Errorf("Go's keepalive is on, but the socket is %+v", established)
	}
	if _, err := c.client.Write([]byte("12345")); err != nil {
		t.Fatal(err)
	}
	if err := c.client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	want(t, c.clientAddr, c.serverAddr, "FIN_WAIT_2")
	if s := want(t, c.serverAddr, c.clientAddr, "CLOSE_WAIT"); s.RecvQ != 6 {
		t.Errorf("RecvQ with 5 bytes and a FIN unread is %d, want 6", s.RecvQ)
	}
	buf := make([]byte, 10)
	if n, err := c.server.Read(buf); n != 5 || err != nil {
		t.Fatalf("read %d bytes: %v", n, err)
	}
	c.server.Close()
	s := want(t, c.clientAddr, c.serverAddr, "TIME_WAIT")
	// 60 s, rounded up by the kernel's timer wheel.
	if s.Timer != "timewait" || s.TimerLeft() <= 50*time.Second || s.TimerLeft() > 65*time.Second {
		t.Errorf("TIME_WAIT has timer %q with %v left, want timewait with about 60 s", s.Timer, s.TimerLeft())
	}
	want(t, c.serverAddr, c.clientAddr, "CLOSED")
	listed(t, c, family)
}

// listed checks that the TIME_WAIT is in its own family's list and not in the other's.
func listed(t *testing.T, c connection, family int) {
	t.Helper()
	for _, f := range []int{unix.AF_INET, unix.AF_INET6, unix.AF_UNSPEC} {
		all, err := lab.Sockets(f)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(all, func(s lab.Socket) bool {
			return s.Local == c.clientAddr && s.Remote == c.serverAddr && s.State == "TIME_WAIT"
		})
		if want := f == unix.AF_UNSPEC || f == family; got != want {
			t.Errorf("Sockets(%d) lists it: %v, want %v", f, got, want)
		}
	}
}

func TestSocketsAreTheNamespacesOwn(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	far, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	var l net.Listener
	find := func() error {
		_, err := lab.FindSocket(l.Addr().(*net.TCPAddr).AddrPort(), netip.AddrPort{})
		return err
	}
	if err := far.Do(func() (err error) {
		l, err = net.Listen("tcp", "127.0.0.1:7")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := far.Do(find); err != nil {
		t.Errorf("where it is: %v", err)
	}
	if err := find(); !errors.Is(err, lab.ErrNoSocket) {
		t.Errorf("where it is not: %v, want ErrNoSocket", err)
	}
}

func TestWaitStateEnds(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := connect(t, l, l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	state, err := lab.WaitState(ctx, c.clientAddr, c.serverAddr, "TIME_WAIT", "LAST_ACK")
	if !errors.Is(err, context.DeadlineExceeded) || state != "ESTABLISHED" {
		t.Fatalf("got %q, %v", state, err)
	}
	for _, part := range []string{"still in ESTABLISHED", "waited for TIME_WAIT or LAST_ACK", c.clientAddr.String()} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not have %q", err, part)
		}
	}
	if _, err := lab.WaitState(t.Context(), c.clientAddr, c.serverAddr, "TIME-WAIT"); err == nil {
		t.Error("a state that does not exist was waited for")
	}
	if _, err := lab.WaitState(t.Context(), c.clientAddr, c.serverAddr); err == nil {
		t.Error("no state was waited for")
	}
}

func TestSocketsRefusesOtherFamilies(t *testing.T) {
	if _, err := lab.Sockets(unix.AF_UNIX); err == nil {
		t.Error("Sockets(AF_UNIX) succeeded")
	}
}
