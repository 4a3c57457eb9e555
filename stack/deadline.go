package stack

import (
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// deadline is a point in time after which a channel is closed, movable at will.
// Until the first set there is no channel: most connections never have a
// deadline.
type deadline struct {
	mu     sync.Mutex
	timer  tcpip.Timer
	passed chan struct{}
}

// wait is closed once the deadline as it stands now has passed; nil means never. A
// goroutine that waits on it must be woken after set, and ask again.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passed
}

// over reports whether the deadline has passed.
func (d *deadline) over() bool {
	select {
	case <-d.wait():
		return true
	default:
		return false
	}
}

// set moves the deadline; the zero time means never.
func (d *deadline) set(clock tcpip.Clock, t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if t.IsZero() {
		d.passed = nil
		return
	}
	// A timer that could no longer be stopped closes the channel that it was
	// made for, so each has its own.
	passed := make(chan struct{})
	d.passed = passed
	if left := t.Sub(clock.Now()); left > 0 {
		d.timer = clock.AfterFunc(left, func() { close(passed) })
		return
	}
	close(passed)
}
