package bench

import (
	"fmt"
	"os"
	"testing"
)

// TestMain is whichever process of a run it is started as.
func TestMain(m *testing.M) {
	if number := os.Getenv(idleEnv); number != "" {
		if err := idleClient(number); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if !IsChild() {
		os.Exit(m.Run())
	}
	if err := Child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
