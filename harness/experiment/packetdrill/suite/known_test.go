package suite

import "testing"

// TestKnownNames: two scripts of one name are told apart by their folders.
func TestKnownNames(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       bool
	}{
		{"data-inside", "suite/time-wait/data-inside.pkt", true},
		{"data-*", "data-inside.pkt", true},
		{"time-wait/data-inside", "suite/time-wait/data-inside.pkt", true},
		{"time-wait/data-inside", "suite/closing/data-inside.pkt", false},
		{"*/data-inside", "suite/closing/data-inside.pkt", true},
		{"suite/*/data-*", "suite/closing/data-inside.pkt", true},
		{"time-wait/data-inside", "data-inside.pkt", false},
		{"inside", "suite/closing/data-inside.pkt", false},
	} {
		if got := (&Difference{Name: c.name}).names(c.file); got != c.want {
			t.Errorf("%s is %s: %v", c.file, c.name, got)
		}
	}
}
