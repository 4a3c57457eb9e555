package soak

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"lastack/harness/lab/wire"
	"lastack/stack/segment"

	"golang.org/x/sys/unix"
)

// TestEachForgery: a connection survives every kind of forged segment by itself,
// in the middle of its life, with lastack, light or not, and with the kernel; the kernel
// shows that the forgeries are ones that TCP refuses.
func TestEachForgery(t *testing.T) {
	for _, tt := range []struct {
		name, subject string
		settings      map[string]string
	}{
		{Kernel, Kernel, nil},
		{Lastack, Lastack, nil},
		{"light", Lastack, map[string]string{"lastack.light": "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !inside(t) {
				return
			}
			g, err := raise(t.Context(), tt.subject, wire.Config{FarSettings: tt.settings})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			})
			if err := g.Serve(g.Far, echoServer, closesServer); err != nil {
				t.Fatal(err)
			}
			raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Close(raw) })
			ears, err := newSniffer()
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			t.Cleanup(func() { close(done) })
			go ears.run(done)
			forgeEach(t, raw, ears)
			nothingLeft(t, g)
		})
	}
}

// patience is for a busy machine, and far from what a connection takes.
const patience = time.Minute

// nothingLeft waits for the sockets of both sides to be gone.
func nothingLeft(t *testing.T, g *wire.Wire) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		client, err := live(g.Near)
		if err != nil {
			t.Fatal(err)
		}
		host, err := live(g.Far)
		if err != nil {
			t.Fatal(err)
		}
		left := append(client, host...)
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			for _, s := range left {
				t.Errorf("left: %s", shown(&s))
			}
			return
		}
	}
}

// forgeEach has a connection for each kind of forgery, all at once.
func forgeEach(t *testing.T, raw int, ears *sniffer) {
	var all sync.WaitGroup
	for i := range forgeries {
		for p := range places {
			for _, stamped := range []bool{false, true} {
				f := &forgeries[i]
				all.Go(func() {
					r := rand.New(rand.NewPCG(uint64(i), uint64(p)))
					if err := survive(raw, ears, r, f, p, stamped); err != nil {
						t.Errorf("%s, place %s, timestamp %v: %v", f.name, p, stamped, err)
					}
				})
				if p != before && (f.data > 0 || f.flags.Has(segment.FIN)) {
					continue // as in where
				}
				all.Go(func() {
					r := rand.New(rand.NewPCG(uint64(i), uint64(p)))
					if err := surviveClose(raw, ears, r, f, p, stamped); err != nil {
						t.Errorf("the server first, %s, place %s, timestamp %v: %v", f.name, p, stamped, err)
					}
				})
			}
		}
	}
	all.Wait()
}

// attack is a connection with forged segments against it.
type attack struct {
	net.Conn
	forge func() error
}

// piece is what a connection sends at once.
const piece = 1000

// open connects to a port of the host; the connection will send pieces.
func open(raw int, ears *sniffer, r *rand.Rand, f *forgery, p place, stamped bool, port uint16, pieces int64) (*attack, error) {
	to := netip.AddrPortFrom(hostAddr, port)
	conn, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(to))
	if err != nil {
		return nil, err
	}
	n, err := overheard(ears, local(conn).Port())
	if err = errors.Join(err, conn.SetDeadline(time.Now().Add(patience))); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	target := &target{numbers: n, size: pieces * piece, tuple: segment.Tuple{
		Src: segment.EndpointFrom(local(conn)), Dst: segment.EndpointFrom(to),
	}}
	return &attack{Conn: conn, forge: func() error {
		for range 5 {
			s, payload := f.against(r, target, p, stamped)
			if err := sendRaw(raw, &s, payload); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

// survive echoes before forged segments, after them, and has the server close.
func survive(raw int, ears *sniffer, r *rand.Rand, f *forgery, p place, stamped bool) error {
	c, err := open(raw, ears, r, f, p, stamped, echoServer.Port, 2)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := echoOnce(c, piece); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	if err := c.forge(); err != nil {
		return err
	}
	if err := echoOnce(c, piece); err != nil {
		return fmt.Errorf("after: %w", err)
	}
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	return atEnd(c)
}

// surviveClose has the server close first, with forged segments before and after.
func surviveClose(raw int, ears *sniffer, r *rand.Rand, f *forgery, p place, stamped bool) error {
	c, err := open(raw, ears, r, f, p, stamped, closesServer.Port, 1)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.forge(); err != nil {
		return err
	}
	if err := echoOnce(c, piece); err != nil {
		return fmt.Errorf("after: %w", err)
	}
	if err := atEnd(c); err != nil {
		return err
	}
	if err := c.forge(); err != nil {
		return err
	}
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		return fmt.Errorf("behind the server's FIN: %w", err)
	}
	return nil
}

// atEnd reads the end of the stream.
func atEnd(c net.Conn) error {
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("at the end: %d bytes, %w", n, err)
	}
	return nil
}

// overheard waits until the sniffer has come to a handshake.
func overheard(ears *sniffer, port uint16) (numbers, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if n, ok := ears.of(port); ok {
			return n, nil
		}
	}
	return numbers{}, errors.New("the handshake was not overheard")
}

// echoOnce sends n bytes and reads them back.
func echoOnce(conn net.Conn, n int) error {
	sent, back := bytes.Repeat([]byte("x"), n), make([]byte, n)
	if _, err := conn.Write(sent); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, back); err != nil {
		return err
	}
	if !bytes.Equal(sent, back) {
		return fmt.Errorf("the echo is not what was sent")
	}
	return nil
}
