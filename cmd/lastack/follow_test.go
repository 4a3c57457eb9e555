package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/capture/capturetest"
)

// TestExplainFollow: connections are told of as the file grows, and the summary
// comes with an interrupt.
func TestExplainFollow(t *testing.T) {
	var content bytes.Buffer
	if _, err := capturetest.Write(&content, capturetest.Config{Seed: 2, Connections: 100, Kinds: []capturetest.Kind{capturetest.ThreeWay}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "growing.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	half := content.Len() / 2
	if _, err := file.Write(content.Next(half)); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), asLastack(t), "explain", "--follow", path)
	c.Env = append(os.Environ(), "NO_COLOR=1")
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "  three-way, ") {
		t.Fatalf("the first line is %q: %v: %s", line, err, stderr.String())
	}
	// The rest comes only now, and with it the last connection.
	if _, err := file.Write(content.Bytes()); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 100; n++ {
		if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "  three-way, ") {
			t.Fatalf("line %d is %q: %v: %s", n+1, line, err, stderr.String())
		}
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(rest), "packets, 100 connections in ") {
		t.Errorf("at the end: %v: %s", err, rest)
	}
	if err := c.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v: %s", err, stderr.String())
	}
}
