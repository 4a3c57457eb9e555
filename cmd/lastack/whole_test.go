package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestWriteWhole: a file is there as a whole or as it was, and nothing is left beside it.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "page.html"), filepath.Join(dir, "link.html")
	write := func(name, text string, fails error) error {
		return writeWhole(name, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, fails)
		})
	}
	if err := errors.Join(write(name, "one", nil), os.Symlink(name, link), write(link, "two", nil)); err != nil {
		t.Fatal(err)
	}
	full := errors.New("the disk is full")
	if err := write(name, "three", full); !errors.Is(err, full) {
		t.Errorf("an error of what is written: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "two" {
		t.Errorf("the file has %q: %v", got, err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is none any more: %v", err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("beside them: %v %v", all, err)
	}
	if err := write(filepath.Join(dir, "no", "page.html"), "", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
