package main

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/check/proxy"
)

func TestProgressLine(t *testing.T) {
	p := proxy.Progress{Check: "idle", Number: 3, Of: 16, Left: 90 * time.Second}
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

// TestProxyProgress: a line that changes leaves nothing behind, and without a terminal
// nothing is said for each check.
func TestProxyProgress(t *testing.T) {
	for _, live := range []bool{true, false} {
		p := newProxyProgress(live)
		p.end()
		var out strings.Builder
		p.w = &out
		p.begin(proxy.Progress{Check: "close", Number: 1, Of: 2, Left: time.Second})
		p.clear()
		p.show() // between two checks
		got := out.String()
		if live && (!strings.HasPrefix(got, "\rcheck 1 of 2, ") || !strings.HasSuffix(got, "\r"+strings.Repeat(" ", 79)+"\r")) || !live && got != "" {
			t.Errorf("live %v: %q", live, got)
		}
	}
}
