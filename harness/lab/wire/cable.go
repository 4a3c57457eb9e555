package wire

import (
	"os"
	"sync"

	"lastack/tun"
)

// cable is a device in memory: the end of a wire that a host in this process is
// on, without another TUN between them.
type cable struct {
	in, out chan []byte
	done    chan struct{} // of this end
	once    sync.Once
}

// room is how many packets may wait at either end; those beyond are lost.
const room = 4096

// newCable returns the two ends.
func newCable() (a, b *cable) {
	x, y := make(chan []byte, room), make(chan []byte, room)
	return &cable{in: x, out: y, done: make(chan struct{})}, &cable{in: y, out: x, done: make(chan struct{})}
}

// Read waits for a packet, until Close.
func (c *cable) Read(p []byte) (int, error) {
	select {
	case <-c.done:
		return 0, os.ErrClosed
	case b := <-c.in:
		return copy(p, b), nil
	}
}

// Write never waits: a packet that finds the queue full is lost.
func (c *cable) Write(p []byte) (int, error) {
	select {
	case <-c.done:
		return 0, os.ErrClosed
	default:
	}
	select {
	case c.out <- append([]byte(nil), p...):
	default:
	}
	return len(p), nil
}

// MTU is that of a TUN.
func (c *cable) MTU() int { return tun.DefaultMTU }

// Close ends this end's Read. The other end goes on waiting.
func (c *cable) Close() error {
	c.once.Do(func() { close(c.done) })
	return nil
}
