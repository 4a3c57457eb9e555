package monitor

import (
	"runtime"
	"testing"
	"time"

	"lastack/harness/lab/labtest"

	"golang.org/x/sys/unix"
)

// TestLookCost: a look at many sockets in TIME_WAIT allocates little, however many there are.
func TestLookCost(t *testing.T) {
	want := labtest.Many(t) // here, for "go test" to know that it depends on that
	if !labtest.Inside(t) {
		return
	}
	labtest.TimeWait(t, want)
	var k Kernel
	if _, err := k.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, cpu := time.Now(), cpuTime(t)
	s, err := k.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	took, busy := time.Since(began), cpuTime(t)-cpu
	runtime.ReadMemStats(&after)
	seen := s.States["TIME_WAIT"]
	t.Logf("%d in TIME_WAIT: %v, %v of a processor, %d KiB allocated, %d destinations",
		seen, took, busy, (after.TotalAlloc-before.TotalAlloc)>>10, len(s.Destinations))
	if seen < want*9/10 {
		t.Errorf("%d in TIME_WAIT, want about %d", seen, want)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes allocated for a look at %d sockets", n, seen)
	}
}

// cpuTime is what the process and the kernel for it have used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
