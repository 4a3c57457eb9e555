package experiment_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/lab/labtest"
)

// buildLWIP makes the subject of examples/subjects/lwip in a folder of its own. Where the
// machine does not have what it takes, the test is skipped.
func buildLWIP(t *testing.T) *experiment.Stranger {
	t.Helper()
	const from = "../../examples/subjects/lwip"
	if _, err := os.Stat("/usr/include/lwip/lwip/init.h"); err != nil {
		t.Skip("lwIP is not installed: sudo apt-get install liblwip-dev")
	}
	if _, err := os.Stat(from); err != nil {
		t.Skip("the examples are no part of the module: test a clone")
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler: sudo apt-get install gcc")
	}
	dir := t.TempDir()
	out, err := exec.Command(cc, "-O2", "-Wall", "-Wextra", "-Werror", "-I/usr/include/lwip",
		"-o", filepath.Join(dir, "lwip-subject"), filepath.Join(from, "main.c"), "-llwip").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(filepath.Join(from, "lwip.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := experiment.ParseStranger(filepath.Join(dir, "lwip.yaml"), content)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLWIP holds the judgement of strangers against a stack that nobody here wrote, over
// a TAP: what it does as Linux does, and where it differs, as the room's README says.
func TestLWIP(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	lwip := buildLWIP(t)
	fails := map[string]string{
		"half-close-data":     "the close is three-way, expected four-way",
		"time-wait-syn-plain": "it got RST+ACK, expected ACK",
		"time-wait-rst":       "the server's socket is TIME_WAIT, expected CLOSED; a FIN that was sent again got ACK",
	}
	names := []string{
		"three-way", "linger-0", "unread-data", "close-wait-leak", "simultaneous", "last-ack-lost-server-first",
		"time-wait-old-data", "forged-fin-far",
	}
	for name := range fails {
		names = append(names, name)
	}
	results, err := examine(t, names, lwip)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if unmeasured(t, &r) {
			continue
		}
		why, fail := fails[r.Experiment]
		want := map[bool]string{true: experiment.Fail, false: experiment.Pass}[fail]
		if r.Verdict != want || !strings.Contains(r.Why, why) {
			t.Errorf("%s: %s: %s, want %s: %s", r.Experiment, r.Verdict, r.Why, want, why)
		}
	}
}
