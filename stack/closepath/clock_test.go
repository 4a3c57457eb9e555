package closepath

import (
	"slices"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
)

// rigClock is a manual clock all of whose timers fire in Advance. faketime's own
// fires one that is to wait for nothing at once, in a goroutine that races with the
// test. It is the test's goroutine's alone.
type rigClock struct {
	*faketime.ManualClock
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
	for len(c.due) > 0 {
		t := c.due[0]
		c.due = c.due[1:]
		t.f()
	}
}

type rigTimer struct {
	clock *rigClock
	f     func()
	later tcpip.Timer // for what is to wait, once there was such
}

func (t *rigTimer) start(d time.Duration) {
	switch {
	case d <= 0:
		t.clock.due = append(t.clock.due, t)
	case t.later == nil:
		t.later = t.clock.ManualClock.AfterFunc(d, t.f)
	default:
		t.later.Reset(d)
	}
}

// Stop implements tcpip.Timer.
func (t *rigTimer) Stop() bool {
	if i := slices.Index(t.clock.due, t); i >= 0 {
		t.clock.due = slices.Delete(t.clock.due, i, i+1)
		return true
	}
	return t.later != nil && t.later.Stop()
}

// Reset implements tcpip.Timer.
func (t *rigTimer) Reset(d time.Duration) {
	t.Stop()
	t.start(d)
}
