package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func has(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("the file has %q (%v), want %q", got, err, want)
	}
}

// old makes a file that nobody wants to lose.
func old(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("precious, and long"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestContentStaysUntilTheFirstWrite(t *testing.T) {
	path := old(t)
	f := open(t, path)
	has(t, path, "precious, and long")
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	has(t, path, "precious, and long")
	f = open(t, path)
	fmt.Fprint(f, "new ")
	fmt.Fprint(f, "text")
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	has(t, path, "new text")
}

func TestFileWithoutContentIsRemovedIfItWasMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f := open(t, path)
	f.Close()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty file stays: %v", err)
	}
	if err := Write(path, func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	has(t, path, "")
}

func TestTwoWritersNeverShareAFile(t *testing.T) {
	path := old(t)
	f := open(t, path)
	fmt.Fprint(f, "mine")
	if _, err := Open(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second writer: %v, want ErrInUse", err)
	}
	has(t, path, "mine")
	f.Close()
	open(t, path).Close()
}

func TestCutTo(t *testing.T) {
	path := old(t)
	f := open(t, path)
	fmt.Fprint(f, "whole")
	whole := f.Size()
	fmt.Fprint(f, " half a rec")
	if err := f.CutTo(whole); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, " end")
	f.Close()
	has(t, path, "whole end")
}

// TestDevice: a device is neither locked nor emptied.
func TestDevice(t *testing.T) {
	a, b := open(t, os.DevNull), open(t, os.DevNull)
	for _, f := range []*File{a, b} {
		if _, err := fmt.Fprint(f, "text"); err != nil {
			t.Error(err)
		}
		if err := errors.Join(f.CutTo(0), f.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestFailedRenderLeavesTheFile(t *testing.T) {
	path, broken := old(t), errors.New("broken")
	if err := Write(path, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	has(t, path, "precious, and long")
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none", "f")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory was opened")
	}
}
