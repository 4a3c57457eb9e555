package stack

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip/faketime"
)

func TestCloseInThreeAndInFour(t *testing.T) {
	for _, tt := range []struct {
		delayed int64
		want    string
	}{
		{1, "SYN >SYN+ACK ACK FIN+ACK >FIN+ACK ACK"},
		{0, "SYN >SYN+ACK ACK FIN+ACK >ACK >FIN+ACK ACK"},
	} {
		families(t, func(t *testing.T, host, _ netip.Addr) {
			// No time passes: a busy machine may not close within the 4 ms for which the ACK of a
			// FIN is held on a connection without data.
			w := newTwoOn(t, faketime.NewManualClock())
			if err := w.host.Tunables().SetInt(tunable.DelayedACK, tt.delayed); err != nil {
				t.Fatal(err)
			}
			s, c := w.pair(t, host)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if n, err := s.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Fatalf("Read: %d, %v; want EOF", n, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			want := strings.Fields(tt.want)
			if got := w.waitFlags(t, len(want)); strings.Join(got, " ") != tt.want {
				t.Errorf("delayed_ack=%d: %v, want %s", tt.delayed, got, tt.want)
			}
			waitState(t, w.host, s, "CLOSED")
			waitState(t, w.peer, c, "TIME_WAIT")
		})
	}
}

func TestMegabyteBothWays(t *testing.T) {
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	for _, delayed := range []int64{0, 1} {
		families(t, func(t *testing.T, host, _ netip.Addr) {
			w := newTwo(t)
			if err := w.host.Tunables().SetInt(tunable.DelayedACK, delayed); err != nil {
				t.Fatal(err)
			}
			s, c := w.pair(t, host)
			go func() { // echo
				_, _ = io.Copy(s, s)
				_ = s.Close()
			}()
			go func() {
				_, _ = c.Write(data)
				_ = c.CloseWrite()
			}()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("delayed_ack=%d: %d bytes back, %v", delayed, len(got), err)
			}
			_ = c.Close()
		})
	}
}

func TestHalfClose(t *testing.T) {
	w := newTwo(t)
	s, c := w.pair(t, addr4)
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("at the host: %v, want EOF", err)
	}
	if _, err := s.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if got, err := io.ReadAll(c); err != nil || string(got) != "late" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write after CloseWrite: %v, want EPIPE", err)
	}
}

func TestLingerZeroResets(t *testing.T) {
	w := newTwo(t)
	s, c := w.pair(t, addr4)
	if err := s.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	_, err := c.Read(make([]byte, 1))
	var op *net.OpError
	if !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Op != "read" {
		t.Errorf("Read: %v, want a *net.OpError around ECONNRESET", err)
	}
}

func TestUnreadDataResets(t *testing.T) {
	w := newTwo(t)
	s, c := w.pair(t, addr4)
	if _, err := c.Write([]byte("never read")); err != nil {
		t.Fatal(err)
	}
	w.waitFlags(t, 4) // the data has reached the host
	deadline := time.Now().Add(patience)
	if err := s.SetReadDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if _, err := s.Read(one); err != nil { // and its socket
		t.Fatal(err)
	}
	_ = s.Close()
	if _, err := c.Read(one); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read: %v, want ECONNRESET", err)
	}
}

func TestDeadlines(t *testing.T) {
	w := newTwo(t)
	_, c := w.pair(t, addr4)
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(make([]byte, 1))
	var ne net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("Read: %v, want a timeout", err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Errorf("Write under a read deadline: %v", err)
	}
	if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write: %v, want a timeout", err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Errorf("Write after the deadline was lifted: %v", err)
	}
	// A full peer blocks the writer until its deadline.
	if err := c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write of 64 MiB to nobody: %v, want a timeout", err)
	}
}

func TestCloseWakesReaderAndWriter(t *testing.T) {
	w := newTwo(t)
	_, c := w.pair(t, addr4)
	errs := make(chan error, 2)
	go func() { _, err := c.Read(make([]byte, 1)); errs <- err }()
	go func() { _, err := c.Write(make([]byte, 64<<20)); errs <- err }()
	w.waitFlags(t, 10) // the writer is at work
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-errs; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v, want net.ErrClosed", err)
		}
	}
	for name, f := range map[string]func() error{
		"Close": c.Close, "CloseWrite": c.CloseWrite, "CloseRead": c.CloseRead,
		"SetLinger":   func() error { return c.SetLinger(0) },
		"SetDeadline": func() error { return c.SetDeadline(time.Time{}) },
	} {
		if err := f(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close: %v, want net.ErrClosed", name, err)
		}
	}
}
