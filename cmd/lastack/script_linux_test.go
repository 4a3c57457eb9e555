package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the txtar scripts. Those in the folder lab need a machine on
// which lastack's labs work.
func TestScript(t *testing.T) {
	run(t, "testdata/script")
}

func TestScriptLab(t *testing.T) {
	needLab(t)
	run(t, "testdata/lab")
}

// needLab skips the test on a machine on which lastack's labs do not work.
func needLab(t testing.TB) {
	t.Helper()
	// Asked without the probe inside a lab, which would be this test again.
	if err := labWorks(); err != nil {
		if os.Getenv(labtest.RequireEnv) == "1" {
			t.Fatalf("%s=1, but %v", labtest.RequireEnv, err)
		}
		t.Skipf("needs what \"lastack doctor\" checks: %v", err)
	}
}

func labWorks() error {
	if err := lab.Check(); err != nil {
		return err
	}
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, curlErr := exec.LookPath("curl")
	_, ncErr := lab.Netcat()
	return errors.Join(f.Close(), curlErr, ncErr)
}

func run(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:  dir,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "quiet": quietly},
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}

func TestStatus(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"nothing":     {nil, 0},
		"usage":       {usagef("bad"), 2},
		"missing":     {&lab.MissingError{What: "no namespaces"}, 3},
		"permission":  {os.ErrPermission, 3},
		"interrupted": {context.Canceled, 130},
		"broken":      {errors.New("broken"), 1},
		"a verdict":   {&exitError{code: exitFailed}, 1},
	} {
		if got := status(tt.err); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	if got := message(errors.Join(errors.New("one"), errors.New("two"))); got != "one; two" {
		t.Errorf("two errors on one line: %q", got)
	}
}
