package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"lastack/harness/app"
	"lastack/harness/check/ends"

	"golang.org/x/sys/unix"
)

// end is one end of a connection through the proxy: a socket of the kernel, and what was
// sent and received. Both directions carry app.Content, so that a byte that is lost or
// moved shows. It is for one goroutine in each direction.
type end struct {
	*net.TCPConn
	out, want io.Reader
	left      []byte // of out, which a deadline kept from being sent
	sent, got int64
	wrong     bool // something other came than was sent
}

// endless is more than any check sends.
const endless = 1 << 33

// newEnd makes an end of a socket, which is closed at the latest when ctx ends: whatever
// waits for it then stops.
func newEnd(ctx context.Context, c *net.TCPConn) *end {
	context.AfterFunc(ctx, func() { _ = c.Close() }) // it may be closed
	return &end{TCPConn: c, out: app.Content(endless), want: app.Content(endless)}
}

// peer is the address of the other end of the socket, and own its own.
func (e *end) peer() netip.AddrPort { return plain(e.RemoteAddr()) }
func (e *end) own() netip.AddrPort  { return plain(e.LocalAddr()) }

func plain(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// send writes the next n bytes within some time.
func (e *end) send(n int64, within time.Duration) error {
	if err := e.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	for n > 0 {
		if len(e.left) == 0 {
			e.left = make([]byte, min(n, 64<<10))
			_, _ = io.ReadFull(e.out, e.left) // endless
		}
		k, err := e.Write(e.left[:min(n, int64(len(e.left)))])
		e.left, e.sent, n = e.left[k:], e.sent+int64(k), n-int64(k)
		if err != nil {
			return err
		}
	}
	return nil
}

// compare compares what was received with what was sent.
func (e *end) compare(b []byte) {
	expected := make([]byte, len(b))
	_, _ = io.ReadFull(e.want, expected) // endless
	e.wrong = e.wrong || !bytes.Equal(b, expected)
	e.got += int64(len(b))
}

// receive reads until n bytes are there, within some time.
func (e *end) receive(n int64, within time.Duration) error {
	if err := e.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for n > 0 {
		k, err := e.Read(buf[:min(n, int64(len(buf)))])
		e.compare(buf[:k])
		n -= int64(k)
		if err != nil && n > 0 {
			return err
		}
	}
	if e.wrong {
		return errors.New("other data came than were sent")
	}
	return nil
}

// ended reads until the connection ends, or for so long.
func (e *end) ended(within time.Duration) ends.Ending {
	start := time.Now()
	if err := e.SetReadDeadline(start.Add(within)); err != nil {
		return ends.Of(err, 0)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := e.Read(buf)
		e.compare(buf[:n])
		if err != nil {
			return ends.Of(err, time.Since(start))
		}
	}
}

// queue asks the kernel how many bytes wait in a socket: TIOCINQ of those not read,
// TIOCOUTQ of those not acknowledged.
func (e *end) queue(request uint) (n int, err error) {
	raw, err := e.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), request) })
	return n, errors.Join(err, os.NewSyscallError("ioctl", failed))
}

// acknowledged waits until everything that was sent is acknowledged.
func (e *end) acknowledged(ctx context.Context, within time.Duration) bool {
	return poll(ctx, within, func() bool { n, err := e.queue(unix.TIOCOUTQ); return err == nil && n == 0 })
}

// holds waits until there is something to read.
func (e *end) holds(ctx context.Context, within time.Duration) bool {
	return poll(ctx, within, func() bool { n, err := e.queue(unix.TIOCINQ); return err == nil && n > 0 })
}

// abort closes the socket so that the kernel sends a RST.
func (e *end) abort() error { return errors.Join(e.SetLinger(0), e.Close()) }

// poll looks again and again until ok, or for so long.
func poll(ctx context.Context, within time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(within); ; {
		switch {
		case ok():
			return true
		case time.Now().After(deadline) || !pause(ctx, 2*time.Millisecond):
			return false
		}
	}
}

// pause waits, and reports whether ctx has not ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
