package packaging

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const version = "1.2.3"

var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "packaging")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	status := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

// source is a git clone of the tree as it is now, committed or not, at a time of its own.
var source = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "source")
	const script = `set -e
cd "$(git rev-parse --show-toplevel)"
mkdir "$1"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do [ ! -f "$f" ] || printf '%s\0' "$f"; done |
	tar -c --null -T - | tar -xC "$1"
cd "$1"
git init --quiet
git add -A
git -c user.name=test -c user.email=test@example.com commit --quiet -m test`
	cmd := exec.Command("bash", "-c", script, "source", dir)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	return dir, run(cmd)
})

// built is where the packages are that most tests look at.
var built = sync.OnceValues(func() (string, error) {
	dir, err := source()
	if err != nil {
		return "", err
	}
	out := filepath.Join(scratch, "out")
	return out, run(exec.Command(filepath.Join(dir, "scripts/package"), version, out))
})

func run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// packages is where they are, and is skipped where they cannot be made.
func packages(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds the program for two architectures")
	}
	need(t, "git", "git")
	if runtime.GOOS != "linux" {
		t.Skip("packages are made on Linux")
	}
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func need(t *testing.T, program, debian string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed (sudo apt-get install %s)", program, debian)
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// TestReproducible: another folder, time, umask, language and Go environment, and changes that
// are in no commit, give the same bytes.
func TestReproducible(t *testing.T) {
	first := packages(t)
	dir, err := source()
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "a clone")
	output(t, "git", "clone", "--quiet", dir, clone)
	output(t, "git", "-C", clone, "tag", "v0.0.9")
	if err := os.WriteFile(filepath.Join(clone, "cmd/lastack/extra.go"), []byte("package main\n\nfunc init() { panic(1) }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "out put")
	cmd := exec.Command("bash", "-c", `umask 077; exec scripts/package v`+version+` "$1"`, "again", second)
	cmd.Dir = clone
	cmd.Env = append(os.Environ(), "TZ=Pacific/Chatham", "LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH=1", "GOFLAGS=-buildvcs=false", "GOARCH=arm64", "CGO_ENABLED=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "there are changes that are in no commit") {
		t.Errorf("it says nothing about the file that is in no commit:\n%s", out)
	}
	names, err := os.ReadDir(first)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 12 {
		t.Errorf("%d files: %v", len(names), names)
	}
	for _, name := range names {
		a, errA := os.ReadFile(filepath.Join(first, name.Name()))
		b, errB := os.ReadFile(filepath.Join(second, name.Name()))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", name.Name(), errA, errB)
		}
	}
}

// TestBinaries: they are static, and know their version and commit.
func TestBinaries(t *testing.T) {
	dir := packages(t)
	text := output(t, filepath.Join(dir, "lastack-linux-"+runtime.GOARCH), "version", "--json")
	for _, want := range []string{`"version": "v` + version + `"`, `"modified": false`, `"time": "2026-01-02T03:04:05Z"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		modules, err := os.ReadFile(filepath.Join(dir, "lastack-linux-"+arch+".modules"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"lastack-linux-" + arch + ": go1.", "\tdep\tgvisor.dev/gvisor\t", "CGO_ENABLED=0", "GOARCH=" + arch, "vcs.modified=false"} {
			if !strings.Contains(string(modules), want) {
				t.Errorf("%s: no %q in its list of modules", arch, want)
			}
		}
		binary, err := os.ReadFile(filepath.Join(dir, "lastack-linux-"+arch))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(binary, []byte("ld-linux")) || bytes.Contains(binary, []byte(scratch)) {
			t.Errorf("%s is not static, or has paths of this machine", arch)
		}
	}
}

// TestRefuses: bad arguments end with 2 and say what to do, and nothing is written.
func TestRefuses(t *testing.T) {
	need(t, "git", "git")
	script, err := filepath.Abs("../package")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := t.TempDir()
	if err := os.MkdirAll(filepath.Join(nowhere, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(nowhere, "scripts/package")
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(elsewhere, text, 0o755); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(nowhere, "out")
	for _, tt := range []struct {
		say    string
		script string
		args   []string
	}{
		{"usage:", script, nil},
		{"usage:", script, []string{"1.2.3", out, "more"}},
		{"'latest' is no version", script, []string{"latest", out}},
		{"'1.2' is no version", script, []string{"1.2", out}},
		{"is no version", script, []string{"1.2.3-$(id)", out}},
		{"is no version", script, []string{"01.2.3", out}},
		{"is no version", script, []string{"--help", out}},
		{"path ends with /v2", script, []string{"2.0.0", out}},
		{"name another", script, []string{"1.2.3", "/dev/null/x"}},
		{"is not the root of a git clone", elsewhere, []string{"1.2.3", out}},
	} {
		said, err := exec.Command(tt.script, tt.args...).CombinedOutput()
		exit, _ := err.(*exec.ExitError)
		if exit == nil || exit.ExitCode() != 2 || !strings.Contains(string(said), tt.say) {
			t.Errorf("%v: %v, want exit 2 and %q:\n%s", tt.args, err, tt.say, said)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("it made a folder for packages that it does not make")
	}
}
