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

	"lastack/stack/segment"

	"golang.org/x/sys/unix"
)

// TestEachForgery: a connection survives every kind of forged segment by itself,
// in the middle of its life, with lastack and with the kernel; the kernel shows
// that the forgeries are ones that TCP refuses.
func TestEachForgery(t *testing.T) {
	for _, subject := range []string{Kernel, Lastack} {
		t.Run(subject, func(t *testing.T) {
			if !inside(t) {
				return
			}
			g, err := raise(subject)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := g.close(); err != nil {
					t.Error(err)
				}
			})
			if err := g.serve(t.Context(), echoServer); err != nil {
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
		})
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
			}
		}
	}
	all.Wait()
}

// survive echoes before a forged segment, after it, and at the end of the stream.
func survive(raw int, ears *sniffer, r *rand.Rand, f *forgery, p place, stamped bool) error {
	to := netip.AddrPortFrom(hostAddr, echoServer.Port)
	conn, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(to))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(8 * time.Second)); err != nil {
		return err
	}
	const piece, forged = 1000, 5
	if err := echoOnce(conn, piece); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	n, err := overheard(ears, local(conn).Port())
	if err != nil {
		return err
	}
	target := &target{numbers: n, size: 2 * piece, tuple: segment.Tuple{
		Src: segment.EndpointFrom(local(conn)), Dst: segment.EndpointFrom(to),
	}}
	for range forged {
		s, payload := f.against(r, target, p, stamped)
		if err := sendRaw(raw, &s, payload); err != nil {
			return err
		}
	}
	if err := echoOnce(conn, piece); err != nil {
		return fmt.Errorf("after: %w", err)
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("at the end: %d bytes, %w", n, err)
	}
	return nil
}

// overheard waits until the sniffer has come to a handshake.
func overheard(ears *sniffer, port uint16) (numbers, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		if n, ok := ears.of(port); ok {
			return n, nil
		}
		<-tick.C
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
