package stack

import (
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// deadline is a point in time after which a channel is closed, movable at will.
type deadline struct {
	clock tcpip.Clock

	mu     sync.Mutex
	timer  tcpip.Timer
	passed chan struct{}
}

func newDeadline(clock tcpip.Clock) deadline {
	return deadline{clock: clock, passed: make(chan struct{})}
}

// wait is closed once the deadline as it stands now has passed.
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
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	// A timer that could no longer be stopped closes the channel that it was
	// made for, which is why a used one is never taken again.
	select {
	case <-d.passed:
	default:
		if t.IsZero() {
			d.passed = make(chan struct{})
			return
		}
	}
	d.passed = make(chan struct{})
	if t.IsZero() {
		return
	}
	passed := d.passed
	if left := t.Sub(d.clock.Now()); left > 0 {
		var once sync.Once
		d.timer = d.clock.AfterFunc(left, func() { once.Do(func() { close(passed) }) })
		return
	}
	close(passed)
}
