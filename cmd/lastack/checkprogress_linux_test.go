package main

import (
	"testing"
	"time"

	"lastack/harness/check"
)

func TestProgressLine(t *testing.T) {
	p := check.Progress{Check: "idle", Number: 3, Of: 16, Left: 90 * time.Second}
	for gone, want := range map[time.Duration]string{
		0:                "check 3 of 16, about 1m30s left: idle",
		80 * time.Second: "check 3 of 16, about 10s left: idle",
		2 * time.Minute:  "check 3 of 16, longer than usual: idle",
	} {
		if got := progressLine(p, gone); got != want {
			t.Errorf("after %v: %q, want %q", gone, got, want)
		}
	}
}
