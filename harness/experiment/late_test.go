package experiment

import (
	"runtime"
	"testing"
	"time"
)

// TestLate: the clock notices when its process is kept from running.
func TestLate(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	l := startLate(t.Context())
	// One processor, and nobody lets go of it for a while: Go takes it away
	// after 10 ms, which is late enough.
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		continue
	}
	if worst := l.stop(); worst < tooLate {
		t.Errorf("%v late, want %v or more", worst, tooLate)
	}
}
