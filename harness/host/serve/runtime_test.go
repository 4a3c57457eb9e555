package serve

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestTuneRuntime(t *testing.T) {
	procs, percent := runtime.GOMAXPROCS(0), debug.SetGCPercent(100)
	defer func() {
		runtime.GOMAXPROCS(procs)
		debug.SetGCPercent(percent)
	}()
	for _, tt := range []struct {
		gogc, gomaxprocs string
		percent, procs   int
	}{
		{"", "", 400, max(1, available/2)},
		{"", "", 400, max(1, available/2)}, // again changes nothing
		{"100", "", 100, max(1, available/2)},
		{"", "3", 400, 3},
		{"off", "3", 100, 3},
	} {
		t.Setenv("GOGC", tt.gogc)
		t.Setenv("GOMAXPROCS", tt.gomaxprocs)
		debug.SetGCPercent(100) // what the runtime made of the environment is not at issue
		runtime.GOMAXPROCS(3)
		TuneRuntime()
		if got := runtime.GOMAXPROCS(0); got != tt.procs {
			t.Errorf("GOGC=%s GOMAXPROCS=%s: %d processors, want %d", tt.gogc, tt.gomaxprocs, got, tt.procs)
		}
		if got := debug.SetGCPercent(100); got != tt.percent {
			t.Errorf("GOGC=%s GOMAXPROCS=%s: GC at %d%%, want %d%%", tt.gogc, tt.gomaxprocs, got, tt.percent)
		}
	}
}
