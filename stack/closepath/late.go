package closepath

import (
	"slices"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// late is a segment on a detour: it goes on from the impairment stage later.
type late struct {
	packet // buf with a reference of ours
	f      *tracked
	dir    Dir
	at     tcpip.MonotonicTime
	// from is the stage at which it goes on; 0 is the one behind impairment.
	from int
	// corrupt: it came in with a wrong checksum. netstack finds that out, and no other
	// stage may trust it.
	corrupt bool
}

// lateLine keeps late segments until they are due, and hands them on in the order
// of their times, one after the other: two that are delayed equally long stay in
// order, as they would on a longer wire.
//
// The caller that takes a segment off the line (a firing timer, withdraw or close) owns
// it.
type lateLine struct {
	clock tcpip.Clock
	send  func(*late)

	mu     sync.Mutex
	queue  []*late // ordered by at
	timer  tcpip.Timer
	busy   bool // fire is at work
	closed bool
}

// maxLate bounds the line: a rule that delays everything meets a flood of SYNs.
const maxLate = 1 << 16

// add puts a segment on the line; false if that is full or closed.
func (l *lateLine) add(s *late) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.queue) >= maxLate {
		return false
	}
	i := len(l.queue)
	for i > 0 && s.at.Before(l.queue[i-1].at) {
		i--
	}
	l.queue = slices.Insert(l.queue, i, s)
	if i == 0 && !l.busy {
		l.arm()
	}
	return true
}

// arm sets the timer for the first segment. l.mu is held.
func (l *lateLine) arm() {
	wait := max(l.queue[0].at.Sub(l.clock.NowMonotonic()), 0)
	if l.timer == nil {
		l.timer = l.clock.AfterFunc(wait, l.fire)
		return
	}
	l.timer.Stop()
	l.timer.Reset(wait)
}

// fire sends what is due. A second firing while one is at work (Stop came too
// late) leaves it to that.
func (l *lateLine) fire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy {
		return
	}
	l.busy = true
	for len(l.queue) > 0 && !l.clock.NowMonotonic().Before(l.queue[0].at) {
		s := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		l.mu.Unlock()
		l.send(s)
		l.mu.Lock()
	}
	l.busy = false
	if len(l.queue) > 0 {
		l.arm()
	}
}

// withdraw takes a segment off the line before its time; false if it is gone.
func (l *lateLine) withdraw(s *late) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.queue, s)
	if i < 0 {
		return false
	}
	l.queue = slices.Delete(l.queue, i, i+1)
	return true
}

// close ends the line and returns what was on it, which is the caller's.
func (l *lateLine) close() []*late {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	rest := l.queue
	l.queue = nil
	if l.timer != nil {
		l.timer.Stop()
	}
	return rest
}
