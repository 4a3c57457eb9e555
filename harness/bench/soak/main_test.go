package soak

import (
	"fmt"
	"os"
	"testing"
)

// TestMain is whichever process of a soak it is started as.
func TestMain(m *testing.M) {
	if !IsChild() {
		os.Exit(m.Run())
	}
	if err := Child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
