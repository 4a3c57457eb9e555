package bench

import (
	"math"
	"slices"
	"time"
)

// A machine whose processors run at another speed from one moment to the next, or
// are lent to others, says nothing about what is measured there. So a fixed piece of
// work is timed before each run, and a round in which it took longer at one time than
// at another by more than drift counts for nothing.

// drift is how much longer.
const drift = 1.15

// loopTime is the best of a few times that a fixed loop takes, so that a single
// interruption does not count.
func loopTime() time.Duration {
	const tries = 5
	best := time.Duration(math.MaxInt64)
	for range tries {
		start := time.Now()
		spin()
		best = min(best, time.Since(start))
	}
	return best
}

// sink keeps the compiler from leaving the loop out.
var sink uint64

// spin takes a few milliseconds.
func spin() {
	x := sink | 1
	for range 4_000_000 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	sink = x
}

// steady reports whether the loop took about as long each time.
func steady(loops []time.Duration) bool {
	return len(loops) == 0 || float64(slices.Max(loops)) <= drift*float64(slices.Min(loops))
}
