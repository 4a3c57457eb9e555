// Package subjects tests the subjects of its folder: each is built, examined by lastack
// run, and does what its README says.
package subjects

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/lab/labtest"
)

// build builds a program in its own module, and reads its file as if that were beside it.
func build(t *testing.T, folder string) *experiment.Stranger {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, folder+"-subject"), ".")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v: %s", folder, err, out)
	}
	s, err := experiment.LoadStranger(filepath.Join(folder, folder+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.File = filepath.Join(dir, folder+".yaml")
	return s
}

// TestSubjects: what passes on all of them, and where gVisor's netstack, which all of them
// are built on, differs from Linux.
func TestSubjects(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	fails := map[string]string{
		"time-wait-rst": "the server's socket is TIME_WAIT, expected CLOSED; a FIN that was sent again got ACK",
	}
	names := []string{"three-way", "server-first", "half-close-data", "unread-data", "http-connection-close", "time-wait-rst"}
	all, err := experiment.Select(names)
	if err != nil {
		t.Fatal(err)
	}
	results, err := experiment.Run(t.Context(), all, experiment.Config{
		Subjects: []string{}, Attempts: 2, Done: experiment.Text{W: t.Output()}.Done,
		Strangers: []*experiment.Stranger{build(t, "gvisor"), build(t, "wireguard"), build(t, "tun2socks")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		why, fail := fails[r.Experiment]
		want := map[bool]string{true: experiment.Fail, false: experiment.Pass}[fail]
		if r.Verdict != want || !strings.Contains(r.Why, why) {
			t.Errorf("%s on %s: %s: %s, want %s: %s", r.Experiment, r.Subject, r.Verdict, r.Why, want, why)
		}
	}
}
