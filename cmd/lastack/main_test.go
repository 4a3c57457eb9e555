package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets this test binary be the command too: in the scripts, and in the
// labs that the command starts itself in.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lastack": main})
}

// asLastack is a path under which this test binary is the command.
func asLastack(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	lastack := filepath.Join(t.TempDir(), "lastack")
	if err := os.Symlink(self, lastack); err != nil {
		t.Fatal(err)
	}
	return lastack
}

// exits runs a command and demands an exit status: "exits 2 lastack demo -x".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", filepath.Base(args[1]), err)
	}
	if got != want {
		ts.Fatalf("%v exited with %d, want %d", args[1:], got, want)
	}
}
