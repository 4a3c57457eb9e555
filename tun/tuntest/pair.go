package tuntest

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"lastack/tun"
)

// QueueLen is how many packets wait at an end of a Pair before further ones are
// dropped: the length of a TUN interface's transmit queue on Linux.
const QueueLen = 500

// End is one end of a Pair.
type End struct {
	name   string
	mtu    int
	in     *queue // filled by the far end
	out    *queue // emptied by the far end
	closed atomic.Bool
}

var _ tun.Device = (*End)(nil)

// Pair returns the two ends of an in-memory link of the given MTU in bytes; 0
// or less means tun.DefaultMTU. Both are *[End] and keep to the contract of
// tun.Device. They differ in name only: "host" for the side a program under
// test takes, "kernel" for the side the test plays.
//
// Packets arrive whole and in order. Each direction holds [QueueLen] packets. A
// packet that finds its queue full is dropped and counted (see [End.Dropped]),
// and Write succeeds, as on a TUN interface whose reader is too slow.
//
// The ends are closed one by one. While the far end is closed, Write succeeds
// and the packet is dropped, since nobody receives it; Read still returns what
// was sent before, and then waits until its own end is closed.
func Pair(mtu int) (host, kernel tun.Device) {
	if mtu <= 0 {
		mtu = tun.DefaultMTU
	}
	a, b := newQueue(), newQueue()
	return &End{name: "host", mtu: mtu, in: a, out: b}, &End{name: "kernel", mtu: mtu, in: b, out: a}
}

// Read implements tun.Device.
func (e *End) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, e.fail("read", fmt.Errorf("empty buffer: %w", syscall.EINVAL))
	}
	n, ok := e.in.get(p)
	if !ok {
		return 0, e.fail("read", os.ErrClosed)
	}
	return n, nil
}

// Write implements tun.Device. It never waits.
func (e *End) Write(p []byte) (int, error) {
	switch {
	case len(p) == 0:
		return 0, e.fail("write", fmt.Errorf("empty packet: %w", syscall.EINVAL))
	case len(p) > e.mtu:
		return 0, e.fail("write", fmt.Errorf("packet of %d bytes is longer than the MTU %d: %w",
			len(p), e.mtu, syscall.EMSGSIZE))
	case e.closed.Load():
		return 0, e.fail("write", os.ErrClosed)
	case p[0]>>4 != 4 && p[0]>>4 != 6:
		return 0, e.fail("write", fmt.Errorf("IP version %d: %w", p[0]>>4, syscall.EINVAL))
	}
	e.out.put(p)
	return len(p), nil
}

// MTU implements tun.Device.
func (e *End) MTU() int { return e.mtu }

// Name implements tun.Device. It is "host" or "kernel".
func (e *End) Name() string { return e.name }

// Close implements tun.Device. It drops the packets this end has not read.
func (e *End) Close() error {
	e.closed.Store(true)
	e.in.close()
	return nil
}

// Dropped returns how many packets that were written to this end were dropped,
// because the far end's queue was full or the far end was closed. Safe for
// concurrent use.
func (e *End) Dropped() uint64 { return e.out.drops() }

func (e *End) fail(op string, err error) error {
	return &tun.Error{Op: op, Name: e.name, Err: err}
}
