package reasons

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseCPUs(t *testing.T) {
	for text, want := range map[string][]int{"0": {0}, "0-2,5": {0, 1, 2, 5}} {
		if got, err := parseCPUs(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "3-1", "0-", "-1", "0-99999999"} {
		if got, err := parseCPUs(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestRingsAreBounded: however many CPUs there are, their rings take no more than that, down to
// a least each.
func TestRingsAreBounded(t *testing.T) {
	for cpus, want := range map[int]int{1: ringMost, 8: ringMost, 9: ringMost / 2, 256: 128 << 10, 4096: ringLeast} {
		if got := ringSize(cpus); got != want {
			t.Errorf("%d CPUs: %d bytes, want %d", cpus, got, want)
		}
	}
}

// TestUnavailable: the error says what it takes.
func TestUnavailable(t *testing.T) {
	err := error(&UnavailableError{Err: errors.New("mount tracefs: fsopen: operation not permitted")})
	for _, want := range []string{"root", "CAP_PERFMON", "mount -t tracefs", "operation not permitted"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
