package packaging

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// boots runs a script of testdata in a machine that boots systemd, which finds the deb in /root,
// and returns what it printed.
func boots(t *testing.T, script string) string {
	t.Helper()
	dir := packages(t)
	if os.Getuid() != 0 {
		t.Skip("only root can boot a machine of namespaces")
	}
	for program, debian := range map[string]string{
		"dpkg": "dpkg", "curl": "curl", "ip": "iproute2", "setpriv": "util-linux", "unshare": "util-linux", "systemd-analyze": "systemd", "deb-systemd-helper": "init-system-helpers",
	} {
		need(t, program, debian)
	}
	if exec.Command("dpkg", "--status", "lastack").Run() == nil {
		t.Skip("lastack is installed here; what is left of the test's own would not show")
	}
	folder := t.TempDir()
	deb := "lastack_" + version + "-1_" + runtime.GOARCH + ".deb"
	output(t, "cp", filepath.Join(dir, deb), filepath.Join("testdata", script), folder)
	out, err := exec.Command("testdata/boot", folder, script).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skipf("this machine does not let systemd boot in namespaces: %s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestLife installs the deb on a machine with systemd, where the service runs: what it says
// without privileges, and with each drop-in. It survives a mistake in its options by saying so,
// and of what is purged nothing stays.
func TestLife(t *testing.T) {
	out := boots(t, "life")
	if testing.Verbose() {
		t.Logf("\n%s", out)
	}
	for _, want := range []string{
		`started: active enabled`,
		`verify:`,
		`security: .* 1\.[0-9] OK .*`,
		`manual: 1`,
		`options: /usr/bin/lastack monitor --kernel --listen 127.0.0.1:9817 --state /var/lib/lastack/monitor.json --interval 100ms --top 7`,
		`privileges:`, // none, and not root
		`plain: lastack_close_wait\{netns="",process="unknown"\} 1 lastack_look_success\{netns=""\} 1`,
		`processes: lastack_close_wait\{netns="",process="sleep"\} 1`,
		`capture: capture_up 1 _closes_total\{cause="none",kind="(three|four)-way"\} [0-9].*`,
		`namespaces: lastack_look_success\{netns=""\} 1 lastack_look_success\{netns="sleep/N"\} 1`,
		`exposure of processes capture namespaces: .* [12]\.[0-9] OK .*`,
		`all: 2`,
		`mistake: exit-code 2`,
		`removed: inactive /etc/default/lastack  ?/var/lib/private/lastack: monitor.json`,
		`disabled: disabled`, // an upgrade does not enable what an administrator disabled
		`left:`,
	} {
		if !regexp.MustCompile(`(?m)^== ` + want + ` *$`).MatchString(out) {
			name, _, _ := strings.Cut(want, ":")
			t.Errorf("no %s\n%s", want, regexp.MustCompile(`(?m)^== `+name+`:.*$`).FindString(out))
		}
	}
	if t.Failed() && !testing.Verbose() {
		t.Logf("\n%s", out)
	}
}

// TestUnit: systemd has nothing to say against the unit and each drop-in, on machines too where it
// cannot boot.
func TestUnit(t *testing.T) {
	need(t, "systemd-analyze", "systemd")
	dir := t.TempDir()
	unit := filepath.Join(dir, "lastack-monitor.service")
	text := strings.Replace(string(read(t, "systemd/lastack-monitor.service")), "/usr/bin/lastack", "/bin/true", 1)
	drops := filepath.Join(dir, "lastack-monitor.service.d")
	if err := errors.Join(os.WriteFile(unit, []byte(text), 0o644), os.Mkdir(drops, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, drop := range []string{"", "processes.conf", "capture.conf", "namespaces.conf"} {
		if drop != "" {
			output(t, "cp", "systemd/"+drop, drops)
		}
		// The manual page is not there.
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
		if err != nil || strings.Contains(string(out), "lastack") {
			t.Errorf("with %q: %v\n%s", drop, err, out)
		}
	}
	if err := os.WriteFile(unit, []byte(strings.Replace(text, "ProtectHome", "ProtectHouse", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _ := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); !strings.Contains(string(out), "ProtectHouse") {
		t.Errorf("a mistyped field passes: %s", out)
	}
}
