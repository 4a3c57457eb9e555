package lab_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lastack/harness/lab"
)

// limitEnv carries the setting that this test's child forbids itself.
const limitEnv = "LAB_TEST_LIMIT"

// TestCheckSaysWhatIsMissing forbids namespaces inside a user namespace, where
// that concerns nobody else, and asks for another lab there.
func TestCheckSaysWhatIsMissing(t *testing.T) {
	if key := os.Getenv(limitEnv); key != "" && lab.Inside() {
		checkForbidden(t, key)
		return
	}
	requireLab(t)
	for _, key := range []string{"user.max_net_namespaces", "user.max_pid_namespaces", "user.max_user_namespaces"} {
		t.Run(key, func(t *testing.T) {
			var out bytes.Buffer
			code, err := lab.Reexec(t.Context(), lab.Options{
				Args:               []string{"-test.run=^TestCheckSaysWhatIsMissing$", "-test.v"},
				Env:                []string{limitEnv + "=" + key},
				Stdin:              strings.NewReader(""),
				Stdout:             &out,
				Stderr:             &out,
				ForceUserNamespace: true,
				LeaveSignals:       true,
			})
			if code != 0 || err != nil || !strings.Contains(out.String(), "--- PASS: TestCheckSaysWhatIsMissing ") {
				t.Errorf("exit code %d, %v\n%s", code, err, &out)
			}
		})
	}
}

// checkForbidden runs as PID 1 of a lab in a user namespace.
func checkForbidden(t *testing.T, key string) {
	if err := lab.Check(); err != nil {
		t.Fatalf("before anything is forbidden: %v", err)
	}
	path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
	if err := os.WriteFile(path, []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	forced := lab.Options{ForceUserNamespace: true, LeaveSignals: true, Stdout: io.Discard, Stderr: io.Discard}
	code, err := lab.Reexec(context.Background(), forced)
	expectMissing(t, err, key)
	if code != 1 {
		t.Errorf("exit code without a lab is %d, want 1", code)
	}
	if key != "user.max_user_namespaces" { // Check needs no user namespace here
		expectMissing(t, lab.Check(), key)
	}
}

func expectMissing(t *testing.T, err error, key string) {
	t.Helper()
	var missing *lab.MissingError
	if !errors.As(err, &missing) || !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("got %v, want a *MissingError that wraps ENOSPC", err)
	}
	if !strings.Contains(missing.What, key+" is 0") || !strings.HasPrefix(missing.Mend, "sudo sysctl -w "+key+"=") {
		t.Errorf("%v\ndoes not say that %s is 0 and how to raise it", err, key)
	}
}
