package packaging

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// shared is what deb and rpm both install, beside the manual pages.
var shared = []string{
	"/etc/default/lastack", "/usr/bin/lastack", "/usr/lib/systemd/system/lastack-monitor.service",
	"/usr/share/bash-completion/completions/lastack", "/usr/share/fish/vendor_completions.d/lastack.fish",
	"/usr/share/lastack/grafana/dashboard.json", "/usr/share/lastack/prometheus/rules.yaml",
	"/usr/share/lastack/systemd/capture.conf", "/usr/share/lastack/systemd/namespaces.conf", "/usr/share/lastack/systemd/processes.conf",
	"/usr/share/doc/lastack/copyright", "/usr/share/doc/lastack/modules", "/usr/share/man/man1/lastack-monitor.1.gz",
}

// TestDebContents: both architectures have the files, as root's, and the copyright has the
// licences of the modules.
func TestDebContents(t *testing.T) {
	dir := packages(t)
	need(t, "dpkg-deb", "dpkg")
	for _, arch := range []string{"amd64", "arm64"} {
		deb := filepath.Join(dir, "lastack_"+version+"-1_"+arch+".deb")
		list := output(t, "dpkg-deb", "--contents", deb)
		for _, file := range append([]string{"/usr/share/zsh/vendor-completions/_lastack"}, shared...) {
			if !strings.Contains(list, " ."+file+"\n") {
				t.Errorf("%s has no %s", arch, file)
			}
		}
		for line := range strings.Lines(list) {
			if !strings.Contains(line, " root/root ") {
				t.Errorf("%s: not root's: %s", arch, line)
			}
		}
		if got := output(t, "dpkg-deb", "--field", deb, "Architecture", "Depends"); got != "Architecture: "+arch+"\n" {
			t.Errorf("%s: %s", arch, got)
		}
	}
	deb := filepath.Join(dir, "lastack_"+version+"-1_"+runtime.GOARCH+".deb")
	tree := t.TempDir()
	output(t, "dpkg-deb", "--extract", deb, tree)
	copyright := string(read(t, filepath.Join(tree, "usr/share/doc/lastack/copyright")))
	modules := string(read(t, filepath.Join(tree, "usr/share/doc/lastack/modules")))
	parts := strings.Split(copyright, "\n\n== ")
	for line := range strings.Lines(modules) {
		field := strings.Fields(line)
		if field[0] != "dep" {
			continue
		}
		if !slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, field[1]+" ") && len(p) > 300 }) {
			t.Errorf("the licence of %s is missing", field[1])
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if _, err := exec.LookPath(shell); err != nil {
			continue
		}
		name := map[string]string{"bash": "bash-completion/completions/lastack", "zsh": "zsh/vendor-completions/_lastack", "fish": "fish/vendor_completions.d/lastack.fish"}[shell]
		output(t, shell, "-n", filepath.Join(tree, "usr/share", name))
	}
}

// TestRPM installs the rpm into a tree of its own, and removes it.
func TestRPM(t *testing.T) {
	dir := packages(t)
	need(t, "rpm", "rpm")
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	rpm := filepath.Join(dir, "lastack-"+version+"-1."+arch+".rpm")
	if out := output(t, "rpm", "--checksig", "--nosignature", rpm); !strings.Contains(out, "digests OK") {
		t.Error(out)
	}
	if os.Getuid() != 0 {
		t.Skip("only root can install; the rest was tested")
	}
	root := t.TempDir()
	// Debian's rpm warns that it is not for installing.
	args := []string{"--root", root, "--dbpath", "/db", "--nodeps", "--noscripts", "--force-debian"}
	output(t, "rpm", append(args, "--install", rpm)...)
	for _, file := range append([]string{"/usr/share/zsh/site-functions/_lastack"}, shared...) {
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			t.Error(err)
		}
	}
	if out := output(t, filepath.Join(root, "usr/bin/lastack"), "version"); !strings.HasPrefix(out, "lastack v"+version+"\n") {
		t.Error(out)
	}
	output(t, "rpm", append(args, "--erase", "lastack")...)
	for _, file := range shared {
		if _, err := os.Stat(filepath.Join(root, file)); err == nil {
			t.Errorf("%s is left", file)
		}
	}
}

// TestImage builds the Containerfile, and runs what is in it as the image's user.
func TestImage(t *testing.T) {
	dir := packages(t)
	need(t, "buildah", "buildah")
	if os.Getuid() != 0 {
		t.Skip("only root can look into an image here")
	}
	store := t.TempDir()
	buildah := func(args ...string) string {
		t.Helper()
		global := []string{"--root", store + "/root", "--runroot", store + "/run", "--storage-driver", "vfs"}
		cmd := exec.Command("buildah", append(global, args...)...)
		cmd.Env = append(os.Environ(), "BUILDAH_ISOLATION=chroot", "TMPDIR="+store)
		out, err := cmd.Output()
		if err != nil {
			if exit, ok := err.(*exec.ExitError); ok {
				t.Fatalf("buildah %v: %v\n%s", args, err, exit.Stderr)
			}
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	// The daemon's configuration may be missing where buildah alone is installed.
	policy := filepath.Join(store, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default": [{"type": "insecureAcceptAnything"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	buildah("build", "--signature-policy", policy, "--file", filepath.Join(dir, "Containerfile"), "--build-arg", "TARGETARCH="+runtime.GOARCH, "--tag", "lastack", dir)
	var image struct {
		OCIv1 struct {
			Config struct {
				User            string
				Entrypoint, Cmd []string
			} `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(buildah("inspect", "--type", "image", "lastack")), &image); err != nil {
		t.Fatal(err)
	}
	c := image.OCIv1.Config
	if c.User != "65534:65534" || !slices.Equal(c.Entrypoint, []string{"/lastack"}) || len(c.Cmd) == 0 || c.Cmd[0] != "monitor" {
		t.Errorf("the image's configuration is %+v", c)
	}
	container := buildah("from", "--signature-policy", policy, "--pull-never", "lastack")
	root := buildah("mount", container)
	files, err := os.ReadDir(root)
	if err != nil || len(files) != 1 {
		t.Errorf("more than the program is in the image: %v, %v", files, err)
	}
	out := output(t, "chroot", "--userspec", c.User, root, "/lastack", "version")
	if !strings.HasPrefix(out, "lastack v"+version+"\n") {
		t.Error(out)
	}
	buildah("rm", "--all")
}
