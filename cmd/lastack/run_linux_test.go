package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestInterrupted: Ctrl-C in a minute of TIME_WAIT says how much was done.
func TestInterrupted(t *testing.T) {
	needLab(t)
	c := exec.CommandContext(t.Context(), asLastack(t), "run", "three-way", "time-wait-60s", "--slow", "--subject", "kernel")
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
}
