package app

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// States of a TCP connection, as TCP_INFO numbers them (tcp_states.h).
const (
	established = 1
	finWait1    = 4
	finWait2    = 5
	closeWait   = 8
)

// waitLimit bounds the wait for an event that does not come. No test waits for it
// when things are right.
const waitLimit = 2 * time.Minute

// lab is an app serving kernel sockets.
type lab struct {
	t        testing.TB
	app      *App
	addr     string
	accepted chan *net.TCPConn // what Accept returned
	asked    chan time.Duration
	fire     chan time.Time
	stop     context.CancelFunc
}

// spy is a listener that shows the connections it accepts.
type spy struct {
	net.Listener
	accepted chan *net.TCPConn
}

func (s *spy) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err == nil {
		select {
		case s.accepted <- c.(*net.TCPConn):
		default: // nobody looks at this many
		}
	}
	return c, err
}

// newLab serves text on loopback. Its timers fire when the test says so.
func newLab(t testing.TB, text string) *lab {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("no kernel socket to test with: %v", err)
	}
	l := &lab{t: t, addr: ln.Addr().String(), accepted: make(chan *net.TCPConn, 1), asked: make(chan time.Duration, 1), fire: make(chan time.Time)}
	l.app = mustNew(t, text, Config{After: func(d time.Duration) <-chan time.Time {
		l.asked <- d
		return l.fire
	}})
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	done := make(chan error, 1)
	go func() { done <- l.app.Serve(ctx, &spy{ln, l.accepted}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil || l.app.Stats().Active != 0 {
			t.Errorf("Serve: %v, counts %+v", err, l.app.Stats())
		}
	})
	return l
}

// dial returns both ends of a new connection.
func (l *lab) dial() (client, server *net.TCPConn) {
	l.t.Helper()
	c, err := net.Dial("tcp4", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(waitLimit)); err != nil {
		l.t.Fatal(err)
	}
	return c.(*net.TCPConn), <-l.accepted
}

func (l *lab) closeWrite(c *net.TCPConn) {
	l.t.Helper()
	if err := c.CloseWrite(); err != nil {
		l.t.Fatal(err)
	}
}

// state asks the kernel; the first byte of struct tcp_info is tcpi_state.
func state(t testing.TB, c *net.TCPConn) byte {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info [4]byte
	var infoErr error
	err = raw.Control(func(fd uintptr) {
		info, infoErr = syscall.GetsockoptInet4Addr(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	})
	if err = errors.Join(err, infoErr); err != nil {
		t.Fatalf("TCP_INFO: %v", err)
	}
	return info[0]
}

func (l *lab) wantState(c *net.TCPConn, want ...byte) {
	l.t.Helper()
	got := state(l.t, c)
	for _, w := range want {
		if got == w {
			return
		}
	}
	l.t.Errorf("the connection is in state %d, want %v", got, want)
}

// awaitInput waits until something, data or EOF, can be read from c, and leaves
// it there. It returns how much a read would give.
func awaitInput(t testing.TB, c *net.TCPConn) int {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var readErr error
	err = raw.Read(func(fd uintptr) bool {
		n, _, readErr = syscall.Recvfrom(int(fd), make([]byte, 64), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return !errors.Is(readErr, syscall.EAGAIN)
	})
	if err = errors.Join(err, readErr); err != nil {
		t.Fatalf("waiting for input: %v", err)
	}
	return n
}

func wantReset(t testing.TB, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read %d bytes and error %v, want ECONNRESET", n, err)
	}
}
