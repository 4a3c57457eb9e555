package bench

import (
	"errors"
	"io"
	"os"
	"sync"

	"lastack/stack/link"
	"lastack/tun"
	"lastack/tun/vnet"
)

// forwarder copies packets between two devices, and does nothing else: the floor
// that every stack on a TUN stands on.
type forwarder struct {
	a, b  tun.OffloadDevice
	loops sync.WaitGroup
	errs  [2]error
}

// forward is a wire.Join.
func forward(near, far link.Device) (io.Closer, error) {
	f := &forwarder{a: near.(tun.OffloadDevice), b: far.(tun.OffloadDevice)}
	f.loops.Go(func() { f.errs[0] = carry(f.a, f.b) })
	f.loops.Go(func() { f.errs[1] = carry(f.b, f.a) })
	return f, nil
}

// carry copies until the device it reads from is closed.
func carry(from, to tun.OffloadDevice) error {
	buf := make([]byte, tun.MaxMTU)
	pieces := make([][]byte, 1)
	var h vnet.Header
	for {
		n, err := from.ReadOffload(&h, buf)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		pieces[0] = buf[:n]
		// A failed write is a lost packet, from which TCP recovers.
		_, _ = to.WriteOffload(&h, pieces)
	}
}

// Close ends the loops, with both devices.
func (f *forwarder) Close() error {
	err := errors.Join(f.a.Close(), f.b.Close())
	f.loops.Wait()
	return errors.Join(err, f.errs[0], f.errs[1])
}
