package fastopen

import (
	"math"
	"sync"
	"time"
)

// Blackhole keeps data out of all SYNs for a while after a path swallowed a whole
// connection that began with such a SYN: a middlebox may block the connection or the
// client from then on. The zero value has seen none.
type Blackhole struct {
	mu    sync.Mutex
	times int
	last  time.Duration
}

// maxDoublings bounds the pause.
const maxDoublings = 6

// Seen counts a connection that was swallowed.
func (b *Blackhole) Seen(now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.times, b.last = b.times+1, now
}

// Clear forgets them all: data in a SYN has arrived.
func (b *Blackhole) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.times = 0
}

// Active reports whether the pause lasts. Its length is given; each time but the
// first has doubled it.
func (b *Blackhole) Active(now, pause time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.times == 0 {
		return false
	}
	doublings := min(b.times-1, maxDoublings)
	if pause > math.MaxInt64>>doublings-b.last {
		return true // longer than any clock runs
	}
	return now < b.last+pause<<doublings
}
