package main

import (
	"os"
	"os/exec"
	"testing"
)

// TestBuildsElsewhere: explain and diff are for every system that people capture on.
func TestBuildsElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the standard library for three systems")
	}
	for _, goos := range []string{"darwin", "windows", "freebsd"} {
		c := exec.CommandContext(t.Context(), "go", "build", "-pgo=off", "-o", os.DevNull, ".")
		c.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", goos, err, out)
		}
	}
}
