package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
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

// progressLines are what a command says on standard error while it takes long, as it does on a
// busy machine.
var progressLines = regexp.MustCompile(`^(check )?\d+ of \d+[ ,:]|^\S+, \S+ as the client: `)

// quietly demands that the last command has said nothing on standard error but how far it was:
// "quiet".
func quietly(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: quiet")
	}
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		if !progressLines.MatchString(line) {
			ts.Fatalf("standard error has %q", line)
		}
	}
}

func TestProgressLines(t *testing.T) {
	for line, want := range map[string]bool{
		"31 of 206, about 40s left: three-way on kernel, attempt 2":    true,
		"0 of 1: three-way on kernel":                                  true,
		"0 of 1 scripts done; running syn.pkt":                         true,
		"keep-alive, kernel as the client: 1 made, 0 failed after 3 s": true,
		"check 3 of 16, longer than usual: idle":                       true,
		"lastack: 1 of 2":                                              false,
		"1 of these is wrong":                                          false,
	} {
		if got := progressLines.MatchString(line); got != want {
			t.Errorf("%q is taken for progress: %v", line, got)
		}
	}
}
