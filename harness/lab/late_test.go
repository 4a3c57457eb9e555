package lab_test

import (
	"runtime"
	"testing"
	"time"

	"lastack/harness/lab"
)

// TestLate: the clock notices when its process is kept from running.
func TestLate(t *testing.T) {
	const late = 5 * time.Millisecond
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	l := lab.StartLate(t.Context())
	// One processor, and nobody lets go of it for a while: Go takes it away
	// after 10 ms, which is late enough.
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		continue
	}
	if worst := l.Stop(); worst < late {
		t.Errorf("%v late, want %v or more", worst, late)
	}
}
