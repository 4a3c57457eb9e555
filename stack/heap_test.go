package stack

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"lastack/stack/tunable"
)

// TestTimeWaitCostsNoEndpoint: what a connection in TIME_WAIT leaves on the heap
// is its record. netstack's endpoint would be 5 KB.
func TestTimeWaitCostsNoEndpoint(t *testing.T) {
	w := newTwo(t)
	// Nothing leaves TIME_WAIT meanwhile, however long it takes.
	if err := w.host.Tunables().SetInt(tunable.MSLms, 240_000); err != nil {
		t.Fatal(err)
	}
	to := serve(t, w.host, addr4, true)
	many := func(n int) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range n / 8 {
					if _, err := once(w.peer, to, false); err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	heap := func() uint64 {
		w.mu.Lock()
		w.wire, w.holds = nil, nil // the test's own trace
		w.mu.Unlock()
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what pools hold goes with the second
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	many(400) // pools and slabs have their size
	before, had := heap(), w.host.TimeWaits()
	many(4000)
	var after uint64
	waitFor(t, func() bool {
		after = heap()
		return int64(after-before) < 256*4000
	}, func() string {
		return fmt.Sprintf("heap grew from %d to %d bytes with %d in TIME_WAIT", before, after, w.host.TimeWaits())
	})
	if n := w.host.TimeWaits() - had; n < 3500 {
		t.Errorf("only %d went into TIME_WAIT", n)
	}
	t.Logf("%d bytes a connection", int64(after-before)/int64(w.host.TimeWaits()-had))
}
