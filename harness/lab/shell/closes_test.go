package shell

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestClosesIsBounded: what is kept ends, and the writer goes on.
func TestClosesIsBounded(t *testing.T) {
	dir := t.TempDir()
	c, err := NewCloses(dir)
	if err != nil {
		t.Fatal(err)
	}
	part := bytes.Repeat([]byte("x"), MaxCloses/4)
	for range 6 {
		if n, err := c.Write(part); n != len(part) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "closes"))
	if err != nil || len(kept) > MaxCloses+100 || !strings.HasSuffix(string(kept), "no more are kept here\n") {
		t.Errorf("%d bytes, %v", len(kept), err)
	}
	if _, err := NewCloses(dir); err == nil {
		t.Error("a second file of the same name was made")
	}
}
