package closepath

import (
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// alarms calls a function for each entry at its time. It serves many entries
// with one timer of the clock, for a delay that rarely changes: entries come
// nearly in order, so that the queue is a list to which one appends.
//
// An entry cannot be withdrawn. The caller that sets one remembers a generation number
// and ignores the call if the number has moved on; stale recognises such entries, so that
// no timer is set for them. Nearly all entries are stale long before their time, and
// moving a timer is expensive where the runtime has many others.
type alarms struct {
	clock tcpip.Clock
	ring  func(f *tracked, gen uint32)
	stale func(f *tracked, gen uint32) bool
	// grain is the least time between two firings: entries less than that apart ring
	// together, at most that much late.
	grain time.Duration

	mu     sync.Mutex
	queue  []alarm // ordered by at; queue[:head] is used up
	head   int
	timer  tcpip.Timer
	armed  bool
	closed bool
}

type alarm struct {
	at  tcpip.MonotonicTime
	f   *tracked
	gen uint32
}

// set adds an entry. It never calls ring itself.
func (a *alarms) set(at tcpip.MonotonicTime, f *tracked, gen uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.queue = append(a.queue, alarm{at: at, f: f, gen: gen})
	// A delay that was shortened meanwhile puts an entry before earlier ones.
	i := len(a.queue) - 1
	for ; i > a.head && at.Before(a.queue[i-1].at); i-- {
		a.queue[i], a.queue[i-1] = a.queue[i-1], a.queue[i]
	}
	if !a.armed || i == a.head {
		a.arm(0)
	}
}

// arm sets the timer for the first entry, but no sooner than after rest. a.mu is
// held.
func (a *alarms) arm(rest time.Duration) {
	wait := max(a.queue[a.head].at.Sub(a.clock.NowMonotonic()), rest)
	if a.timer == nil {
		a.timer = a.clock.AfterFunc(wait, a.fire)
	} else {
		a.timer.Stop()
		a.timer.Reset(wait)
	}
	a.armed = true
}

// fire calls ring for every entry that is due, and sets the timer anew. A stray
// second firing (Stop came too late) finds nothing due and does no harm.
func (a *alarms) fire() {
	for {
		a.mu.Lock()
		due, ok := a.next()
		a.mu.Unlock()
		if !ok {
			return
		}
		a.ring(due.f, due.gen)
	}
}

// next takes the first entry off the queue if it is due, skipping stale ones.
// Otherwise it sets the timer if there is anything to wait for. a.mu is held.
func (a *alarms) next() (alarm, bool) {
	for !a.closed && a.head < len(a.queue) {
		first := a.queue[a.head]
		if !a.stale(first.f, first.gen) {
			if a.clock.NowMonotonic().Before(first.at) {
				a.arm(a.grain)
				return alarm{}, false
			}
			a.advance()
			return first, true
		}
		a.advance()
	}
	a.queue, a.head, a.armed = a.queue[:0], 0, false
	return alarm{}, false
}

// advance drops the first entry. a.mu is held.
func (a *alarms) advance() {
	a.queue[a.head] = alarm{} // lets go of the flow
	a.head++
	a.compact()
}

// compact moves the queue to the front of its array once half is used up, so
// that a queue that never runs empty does not grow for ever. a.mu is held.
func (a *alarms) compact() {
	if a.head < 64 || a.head < len(a.queue)/2 {
		return
	}
	n := copy(a.queue, a.queue[a.head:])
	clear(a.queue[n:])
	a.queue, a.head = a.queue[:n], 0
}

// close stops the timer and forgets all entries; ring may still be running for
// one that was due.
func (a *alarms) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.queue, a.head = nil, 0
	if a.timer != nil {
		a.timer.Stop()
	}
}

// len counts the entries that wait, stale ones included.
func (a *alarms) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.queue) - a.head
}
