package tuntest

import (
	"sync/atomic"

	"lastack/tun"
	"lastack/tun/vnet"
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

	offload bool
}

var _ tun.OffloadDevice = (*End)(nil)

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

// OffloadPair is Pair of devices with offload: what one end writes with a header
// the other reads with the same header. Nothing is cut up or completed on the way.
func OffloadPair(mtu int) (host, kernel tun.OffloadDevice) {
	a, b := Pair(mtu)
	x, y := a.(*End), b.(*End)
	x.offload, y.offload = true, true
	return x, y
}

// Read implements tun.Device.
func (e *End) Read(p []byte) (int, error) {
	var h vnet.Header
	n, err := e.ReadOffload(&h, p)
	if err == nil {
		h.Complete(p[:n])
	}
	return n, err
}

// Write implements tun.Device. It never waits.
func (e *End) Write(p []byte) (int, error) {
	return e.write(&vnet.Header{}, [][]byte{p}, e.mtu)
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
