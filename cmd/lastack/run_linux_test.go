package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterrupted: Ctrl-C in a minute of TIME_WAIT says how much was done, and the files that
// were asked for have what was found until then.
func TestInterrupted(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	xml, page := filepath.Join(dir, "run.xml"), filepath.Join(dir, "run.html")
	c := exec.CommandContext(t.Context(), asLastack(t), "run", "three-way", "time-wait-60s", "--slow", "--subject", "kernel", "--junit", xml, "--report", page)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "PASS  kernel   three-way: ") {
		t.Errorf("the first line is %q", lines.Text())
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "PASS") {
			t.Errorf("after Ctrl-C: %s", lines.Text())
		}
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("it ended with %v, want status %d", err, exitInterrupted)
	}
	var rest string // without how far it was, which a busy machine has time for
	for line := range strings.Lines(said.String()) {
		if !progressLines.MatchString(line) {
			rest += line
		}
	}
	if want := "lastack: interrupted: 1 of 2 done: 1 passed; 1 not run\n"; rest != want {
		t.Errorf("it said %q, want %q", said.String(), want)
	}
	for file, wants := range map[string][]string{
		xml:  {`tests="2" failures="0" skipped="1"`, `message="not run: lastack was interrupted"`},
		page: {"three-way", "not run: lastack was interrupted"},
	} {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		for _, want := range wants {
			if !bytes.Contains(got, []byte(want)) {
				t.Errorf("%s does not have %q", file, want)
			}
		}
	}
}
