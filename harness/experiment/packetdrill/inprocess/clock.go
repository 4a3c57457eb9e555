package inprocess

import (
	"container/heap"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// started is when a virtual clock begins. Its monotonic time is not zero then, which would
// read as "never" in places.
var started = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const monotonicStart = 1000 * time.Second

// clock is a tcpip.Clock that moves when it is told to, by one goroutine; any may ask it
// for the time, and set timers.
type clock struct {
	mu     sync.Mutex
	now    time.Duration // since the clock was made
	timers timers
	count  uint64 // timers set, ever
}

var _ tcpip.Clock = (*clock)(nil)

// Now implements tcpip.Clock.
func (c *clock) Now() time.Time { return started.Add(c.elapsed()) }

// NowMonotonic implements tcpip.Clock.
func (c *clock) NowMonotonic() tcpip.MonotonicTime {
	return tcpip.MonotonicTime{}.Add(monotonicStart + c.elapsed())
}

// AfterFunc implements tcpip.Clock. f is called by fire, of what time it may be.
func (c *clock) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	t := &timer{clock: c, f: f, index: -1}
	t.Reset(d)
	return t
}

func (c *clock) elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// fire moves the clock to the next timer that is due by a time, and calls it. It returns
// false if there is none; the clock has not moved then.
func (c *clock) fire(by time.Duration) bool {
	c.mu.Lock()
	if len(c.timers) == 0 || c.timers[0].at > by {
		c.mu.Unlock()
		return false
	}
	t := heap.Pop(&c.timers).(*timer)
	c.now = max(c.now, t.at)
	c.mu.Unlock()
	t.f()
	return true
}

// jump moves the clock to a time by which no timer is due.
func (c *clock) jump(to time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = max(c.now, to)
}

// timer is a tcpip.Timer.
type timer struct {
	clock *clock
	f     func()
	// Guarded by clock.mu.
	at    time.Duration
	order uint64 // of those due at the same time, the first set fires first
	index int    // in clock.timers, -1 if it is not there
}

// Stop implements tcpip.Timer.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.remove()
}

func (t *timer) remove() bool {
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.clock.timers, t.index)
	return true
}

// Reset implements tcpip.Timer.
func (t *timer) Reset(d time.Duration) {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	t.remove()
	c.count++
	t.at, t.order = c.now+max(d, 0), c.count
	heap.Push(&c.timers, t)
}

// timers is a heap.
type timers []*timer

func (h timers) Len() int { return len(h) }

func (h timers) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].order < h[j].order
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *timers) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timers) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
