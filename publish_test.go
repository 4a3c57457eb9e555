package lastack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clone is a git clone of the tree as it is now, committed or not.
func clone(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"git", "perl", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	files, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("this is no git work tree: %v", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(files), "\x00"), "\x00") {
		info, err := os.Stat(name)
		if err != nil {
			continue // deleted and not committed
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "init", "--quiet")
	commit(t, dir)
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "add", "-A")
	git(t, dir, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "test")
}

func publish(dir string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(dir, "scripts/publish-as"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TEST=. ./stack/segment")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestPublishAs makes a module with a path of it, which another module then adopts.
func TestPublishAs(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds everything once more")
	}
	dir := clone(t)
	// Any clone but this one.
	git(t, dir, "clone", "--quiet", dir, dir+"/bin/fresh")
	fresh := dir + "/bin/fresh"
	out, err := publish(dir, "example.com/x/lastack", fresh)
	if err != nil || !strings.Contains(out, "\nadopted example.com/x/lastack/stack/closepath\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(fresh, "cmd/lastack/default.pgo")); err == nil || !strings.Contains(out, "scripts/profile") {
		t.Error("a profile is left that has the old path in all names, or nothing says how to make one")
	}
	if left := git(t, dir, "status", "--porcelain"); left != "" {
		t.Errorf("the tree that it was started in changed:\n%s", left)
	}
	old := `"lastack/(stack|tun|harness|cmd)|^<!-- (un)?published|-replace lastack[=]|^module lastack`
	left, err := exec.Command("git", "-C", fresh, "grep", "-nE", old, "--", "*.go", "*.md", "*.mod").CombinedOutput()
	if err == nil {
		t.Errorf("what was not renamed:\n%s", left)
	}
	if out, err := publish(dir, "example.com/x/again", fresh); err == nil || !strings.Contains(out, "uncommitted changes") {
		t.Errorf("in a dirty tree: %v\n%s", err, out)
	}
	commit(t, fresh)
	if out, err := publish(dir, "example.com/x/again", fresh); err == nil || !strings.Contains(out, "renamed before") {
		t.Errorf("a second time: %v\n%s", err, out)
	}
}

// TestPublishAsRefuses: bad arguments end with 2, say what to do, and change nothing.
func TestPublishAsRefuses(t *testing.T) {
	dir := clone(t)
	empty := t.TempDir()
	for _, tt := range []struct {
		say  string
		args []string
	}{
		{"usage:", nil},
		{"usage:", []string{"a.b/c", ".", "d"}},
		{"no module path", []string{"lastack"}},
		{"no module path", []string{"https://example.com/x"}},
		{"no module path", []string{"example.com/../x"}},
		{"no module path", []string{"example.com/$(id)"}},
		{"major version", []string{"example.com/x/v2"}},
		{"not the root of a git clone", []string{"example.com/x", empty}},
		{"not the root of a git clone", []string{"example.com/x", "stack"}},
	} {
		out, err := publish(dir, tt.args...)
		exit, _ := err.(*exec.ExitError)
		if exit == nil || exit.ExitCode() != 2 || !strings.Contains(out, tt.say) {
			t.Errorf("%v: %v, want exit 2 and %q:\n%s", tt.args, err, tt.say, out)
		}
	}
	if left := git(t, dir, "status", "--porcelain"); left != "" {
		t.Errorf("changed:\n%s", left)
	}
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := publish(dir, "example.com/x"); err == nil || !strings.Contains(out, "uncommitted changes") {
		t.Errorf("with a dirty tree: %v\n%s", err, out)
	}
}
