package closepath

import (
	"slices"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
)

// rigClock is a manual clock all of whose timers fire in Advance. faketime's own
// fires one that is to wait for nothing at once, in a goroutine that races with the
// test.
type rigClock struct {
	*faketime.ManualClock

	mu  sync.Mutex
	due []*rigTimer // to fire in the next Advance, whatever time that takes
}

func newRigClock() *rigClock { return &rigClock{ManualClock: faketime.NewManualClock()} }

// AfterFunc implements tcpip.Clock.
func (c *rigClock) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	t := &rigTimer{clock: c, f: f}
	t.start(d)
	return t
}

// Advance lets time pass.
func (c *rigClock) Advance(d time.Duration) {
	c.fire()
	c.ManualClock.Advance(d)
	c.fire()
}

func (c *rigClock) fire() {
	for t := c.first(); t != nil; t = c.first() {
		t.f()
	}
}

// first takes the first timer that is due.
func (c *rigClock) first() *rigTimer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.due) == 0 {
		return nil
	}
	t := c.due[0]
	c.due = c.due[1:]
	return t
}

type rigTimer struct {
	clock *rigClock
	f     func()
	later tcpip.Timer // for what is to wait, once there was such
}

func (t *rigTimer) start(d time.Duration) {
	switch {
	case d <= 0:
		t.clock.mu.Lock()
		t.clock.due = append(t.clock.due, t)
		t.clock.mu.Unlock()
	case t.later == nil:
		t.later = t.clock.ManualClock.AfterFunc(d, t.f)
	default:
		t.later.Reset(d)
	}
}

// Stop implements tcpip.Timer.
func (t *rigTimer) Stop() bool {
	t.clock.mu.Lock()
	i := slices.Index(t.clock.due, t)
	if i >= 0 {
		t.clock.due = slices.Delete(t.clock.due, i, i+1)
	}
	t.clock.mu.Unlock()
	return i >= 0 || t.later != nil && t.later.Stop()
}

// Reset implements tcpip.Timer.
func (t *rigTimer) Reset(d time.Duration) {
	t.Stop()
	t.start(d)
}
