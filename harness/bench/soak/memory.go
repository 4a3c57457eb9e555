package soak

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"
)

// The heap at the end may be this much larger than after the warm-up: a half, as
// tables keep the size they once had, and what a run of few seconds wobbles by.
const (
	heapFactor = 1.5
	heapSlack  = 4 << 20
)

// liveHeap is what is in use after everything that can go is gone.
func liveHeap() uint64 {
	for range 3 { // a pool is emptied by the second collection
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// heapFault says what is wrong with the heap at the end; "" is nothing.
func heapFault(warm, end uint64) string {
	if limit := uint64(float64(warm)*heapFactor) + heapSlack; end > limit {
		return fmt.Sprintf("the heap is %.1f MB at the end and was %.1f MB after the warm-up; up to %.1f MB is tolerated", mb(end), mb(warm), mb(limit))
	}
	return ""
}

func mb(n uint64) float64 { return float64(n) / 1e6 }

// goroutinesLeft waits until no more goroutines than before are left, and says
// which are if there are more.
func goroutinesLeft(before int, within time.Duration) string {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(within); ; <-tick.C {
		n := runtime.NumGoroutine()
		if n <= before {
			return ""
		}
		if time.Now().After(end) {
			return fmt.Sprintf("%d goroutines are left, there were %d before:\n%s", n, before, stacks())
		}
	}
}

// stacks is where the goroutines are, alike ones together.
func stacks() string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}
