package labtest_test

import (
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// modeEnv tells TestFixture what to do inside.
const modeEnv = "LABTEST_MODE"

var greeting = flag.String("greeting", "", "a flag of the test package's own")

// TestFixture is what the other tests watch Inside run.
func TestFixture(t *testing.T) {
	mode := os.Getenv(modeEnv)
	if mode == "" {
		t.Skip("run by the other tests of this package, which set " + modeEnv)
	}
	if mode == "sub" {
		t.Run("left out", func(t *testing.T) { fixture(t, "fail") })
		t.Run("one (of 2)", func(t *testing.T) { fixture(t, "pass") })
		return
	}
	fixture(t, mode)
}

func fixture(t *testing.T, mode string) {
	if !labtest.Inside(t) {
		return
	}
	switch mode {
	case "fail":
		t.Fatal("it went wrong")
	case "subfail":
		t.Run("child", func(t *testing.T) { t.Error("the child went wrong") })
	case "skip":
		t.Skip("the moon is full")
	case "vanish":
		os.Exit(0)
	case "panic":
		panic("at the disco")
	case "flags":
		if deadline, ok := t.Deadline(); !ok || !testing.Short() || *greeting != "hello" {
			t.Errorf("deadline %v (%v), short %v, greeting %q", deadline, ok, testing.Short(), *greeting)
		}
	}
}

// run runs TestFixture in a test binary of its own and returns its output.
func run(t *testing.T, mode, test string, args ...string) (string, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-test.run=" + test, "-test.v", "-test.paniconexit0"}, args...)
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), modeEnv+"="+mode)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestInsideReportsWhatCameOfIt(t *testing.T) {
	needLab(t)
	tests := []struct {
		mode, test string
		args       []string
		verdict    string
		want       string
	}{
		{"pass", "^TestFixture$", nil, "PASS: TestFixture ", "lab| --- PASS: TestFixture "},
		{"fail", "^TestFixture$", nil, "FAIL: TestFixture ", "it went wrong"},
		{"subfail", "^TestFixture$", nil, "FAIL: TestFixture ", "the child went wrong"},
		{"skip", "^TestFixture$", nil, "SKIP: TestFixture ", "skipped inside the lab: labtest_test.go"},
		{"skip", "^TestFixture$", nil, "SKIP: TestFixture ", "the moon is full"},
		{"vanish", "^TestFixture$", nil, "FAIL: TestFixture ", "did not run inside the lab"},
		{"panic", "^TestFixture$", nil, "FAIL: TestFixture ", "at the disco"},
		{"flags", "^TestFixture$", []string{"-test.short", "-test.timeout=1m", "-greeting=hello"}, "PASS: TestFixture ", "lab| --- PASS: TestFixture "},
		{"sub", "^TestFixture$/^one", nil, "PASS: TestFixture/one_(of_2) ", "lab|     --- PASS: TestFixture/one_(of_2) "},
		{"sub", "^TestFixture$/^left", nil, "FAIL: TestFixture/left_out ", "it went wrong"},
	}
	for _, tt := range tests {
		t.Run(tt.mode+" "+tt.want, func(t *testing.T) {
			t.Parallel()
			out, err := run(t, tt.mode, tt.test, tt.args...)
			if fails := strings.HasPrefix(tt.verdict, "FAIL"); fails != (err != nil) {
				t.Errorf("exit error %v", err)
			}
			if !strings.Contains(strings.ReplaceAll(out, "lab| --- ", "lab| "), "--- "+tt.verdict) {
				t.Errorf("no verdict %q", tt.verdict)
			}
			if !strings.Contains(out, tt.want) {
				t.Errorf("no %q", tt.want)
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// TestInsideIsALab: loopback works, and the network is not the machine's.
func TestInsideIsALab(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		// Some kernels put unconfigured tunnel devices into every namespace.
		if up := link.Flags&net.FlagUp != 0; up != (link.Name == "lo") {
			t.Errorf("interface %s is up: %v", link.Name, up)
		}
	}
	if os.Getpid() != 1 {
		t.Errorf("process number %d, want 1", os.Getpid())
	}
}

// TestRequireLab forbids namespaces in a lab, where that concerns nobody else, and
// runs the fixture there.
func TestRequireLab(t *testing.T) {
	if os.Getenv(modeEnv) != "forbid" {
		needLab(t)
		var out strings.Builder
		code, err := lab.Reexec(t.Context(), lab.Options{
			Args:               []string{"-test.run=^TestRequireLab$", "-test.v"},
			Env:                []string{modeEnv + "=forbid"},
			Stdin:              strings.NewReader(""),
			Stdout:             &out,
			Stderr:             &out,
			ForceUserNamespace: true,
			LeaveSignals:       true,
		})
		if code != 0 || err != nil || !strings.Contains(out.String(), "--- PASS: TestRequireLab ") {
			t.Errorf("exit code %d, %v\n%s", code, err, &out)
		}
		return
	}
	if !lab.Inside() {
		t.Fatal("not inside a lab")
	}
	if err := os.WriteFile("/proc/sys/user/max_net_namespaces", []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	const reason = "sudo sysctl -w user.max_net_namespaces="
	t.Setenv(labtest.RequireEnv, "")
	out, err := run(t, "pass", "^TestFixture$")
	if err != nil || !strings.Contains(out, "--- SKIP: TestFixture ") || !strings.Contains(out, reason) {
		t.Errorf("not required: %v, want a skip that says %q\n%s", err, reason, out)
	}
	t.Setenv(labtest.RequireEnv, "1")
	out, err = run(t, "pass", "^TestFixture$")
	if err == nil || !strings.Contains(out, "--- FAIL: TestFixture ") || !strings.Contains(out, reason) {
		t.Errorf("required: %v, want a failure that says %q\n%s", err, reason, out)
	}
}

func TestInsideEndsWithTheBinary(t *testing.T) {
	needLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := lab.Reexec(ctx, lab.Options{LeaveSignals: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a lab under a cancelled context: %v, want context.Canceled", err)
	}
}

// needLab skips, or fails where a lab is required, if there is none here.
func needLab(t *testing.T) {
	t.Helper()
	if err := lab.Check(); err != nil {
		if os.Getenv(labtest.RequireEnv) == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}
