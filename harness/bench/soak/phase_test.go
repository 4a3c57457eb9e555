package soak

import (
	"testing"
	"time"

	"lastack/stack/impair"
)

func TestPhases(t *testing.T) {
	for _, p := range phases {
		for _, line := range p.rules {
			if _, err := impair.Parse(line); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
		}
	}
	for _, total := range []time.Duration{time.Second, time.Minute, 8 * time.Minute, 9 * time.Minute, time.Hour} {
		length := phaseLength(total)
		if length > longest || length*time.Duration(len(phases)) > total {
			t.Errorf("%v has phases of %v, so that not all come", total, length)
		}
	}
}
