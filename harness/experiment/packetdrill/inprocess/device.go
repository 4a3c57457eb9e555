package inprocess

import (
	"fmt"
	"os"
	"sync"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/packet"
)

// maxSent is how many packets of the stack's may wait for the runner; it drops what
// comes then, and says so.
const maxSent = 1 << 14

// device is the link in memory, a link.Device.
type device struct {
	mtu int
	now func() time.Duration
	// wrote receives after a Write.
	wrote chan struct{}

	mu      sync.Mutex
	changed sync.Cond
	in      [][]byte // for the stack
	reading bool     // its reader waits in Read
	closed  bool
	sent    []packetdrill.Packet
	dropped int
}

func newDevice(mtu int, now func() time.Duration) *device {
	d := &device{mtu: mtu, now: now, wrote: make(chan struct{}, 1)}
	d.changed.L = &d.mu
	return d
}

// Read implements link.Device.
func (d *device) Read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reading = true
	d.changed.Broadcast()
	for len(d.in) == 0 && !d.closed {
		d.changed.Wait()
	}
	d.reading = false
	if d.closed {
		return 0, os.ErrClosed
	}
	n := copy(p, d.in[0])
	d.in = d.in[1:]
	return n, nil
}

// inject queues packets for the stack.
func (d *device) inject(packets ...[]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in = append(d.in, packets...)
	d.changed.Broadcast()
}

// idle returns when the stack has been given all packets and waits for more.
func (d *device) idle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.closed && !(d.reading && len(d.in) == 0) {
		d.changed.Wait()
	}
}

// Write implements link.Device.
func (d *device) Write(p []byte) (int, error) {
	if !packet.Wanted(p) {
		return len(p), nil
	}
	sent := packetdrill.Packet{At: d.now(), Data: append([]byte(nil), p...)}
	d.mu.Lock()
	if len(d.sent) < maxSent {
		d.sent = append(d.sent, sent)
	} else {
		d.dropped++
	}
	d.mu.Unlock()
	select {
	case d.wrote <- struct{}{}:
	default:
	}
	return len(p), nil
}

// take removes the oldest packet that the stack sent; false if there is none.
func (d *device) take() (packetdrill.Packet, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dropped > 0 {
		return packetdrill.Packet{}, false, fmt.Errorf("the subject sent %d packets that no event asked for, and more", maxSent)
	}
	if len(d.sent) == 0 {
		return packetdrill.Packet{}, false, nil
	}
	p := d.sent[0]
	d.sent = d.sent[1:]
	return p, true, nil
}

func (d *device) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.sent)
}

// last is the packet sent last of those that wait, nil for none.
func (d *device) last() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sent) == 0 {
		return nil
	}
	return d.sent[len(d.sent)-1].Data
}

// MTU implements link.Device.
func (d *device) MTU() int { return d.mtu }

// Close implements link.Device.
func (d *device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.changed.Broadcast()
	return nil
}
