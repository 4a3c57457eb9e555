package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
)

// hostile clears a screen and sets a terminal's title, if it reaches one.
const hostile = "a\x1b[2J\x1b]0;title\a\u202eb"

// hostileCapture writes a pcapng file whose name, interface and comments are hostile.
func hostileCapture(t *testing.T, seed uint64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), hostile+".pcapng")
	var plain bytes.Buffer
	cfg := capturetest.Config{Seed: seed, Connections: 300, Kinds: []capturetest.Kind{capturetest.ThreeWay, capturetest.Reset}}
	if _, err := capturetest.Write(&plain, cfg); err != nil {
		t.Fatal(err)
	}
	r, err := capture.NewReader(&plain)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f, capture.WriterConfig{Interfaces: []string{hostile}, Comment: hostile})
	if err != nil {
		t.Fatal(err)
	}
	for p, err := r.Next(); err == nil; p, err = r.Next() {
		p.Interface, p.Comment = 0, hostile
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// harmless runs the command, and fails where a terminal would obey what it prints.
func harmless(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), asLastack(t), args...)
	c.Env = append(os.Environ(), "NO_COLOR=1")
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	obeyed := func(r rune) bool {
		return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
	}
	if i := bytes.IndexFunc(out, obeyed); i >= 0 {
		t.Errorf("lastack %q printed %q", args, out[max(0, i-40):min(len(out), i+40)])
	}
	return string(out)
}

// TestNamesFromFilesAreQuoted: names and comments that a file brings reach no terminal as
// they are.
func TestNamesFromFilesAreQuoted(t *testing.T) {
	a, b := hostileCapture(t, 1), hostileCapture(t, 2)
	cut := filepath.Join(t.TempDir(), hostile)
	content, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, content[:len(content)-7], 0o600); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(t.TempDir(), hostile+".part")
	for _, args := range [][]string{
		{"explain", a}, {"explain", "--csv", a}, {"explain", "--ladder", "1", a}, {"explain", cut}, {"explain", a + "x"},
		{"explain", "--pcapng", filepath.Join(t.TempDir(), hostile), a}, {"explain", "--partial", part, a},
		{"explain", "--merge", part}, {"explain", "--merge", a}, {"explain", "--merge", part, part},
		{"diff", a, b}, {"diff", "--connection", "1", a, b}, {"diff", a, cut}, {"diff", a, hostile}, {hostile},
	} {
		if harmless(t, args...) == "" && args[1] != "--partial" {
			t.Errorf("lastack %q printed nothing", args)
		}
	}
	if out := harmless(t, "diff", a, b); !strings.Contains(out, `\x1b[2J`) {
		t.Errorf("diff does not show the names: %s", out)
	}
}

// TestNobodyReads: a command whose output goes to a pipe without a reader ("| head") ends
// without a word.
func TestNobodyReads(t *testing.T) {
	a, b := hostileCapture(t, 1), hostileCapture(t, 2)
	for _, args := range [][]string{
		{"explain", a}, {"explain", "--csv", a}, {"explain", "--json", a}, {"explain", "--ladder", "1", a}, {"explain", "--report", "-", a},
		{"diff", a, b}, {"diff", "--json", a, b}, {"diff", "--connection", "1", a, b}, {"help"}, {"explain", "--help"},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		c := exec.CommandContext(t.Context(), asLastack(t), args...)
		var stderr strings.Builder
		c.Stdout, c.Stderr = w, &stderr
		err = c.Run()
		_ = w.Close()
		if c.ProcessState == nil || c.ProcessState.ExitCode() != exitPipe || stderr.Len() > 0 {
			t.Errorf("lastack %q: %v, %q; want exit status %d and nothing on stderr", args, err, stderr.String(), exitPipe)
		}
	}
}
