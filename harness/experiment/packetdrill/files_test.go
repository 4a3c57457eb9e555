package packetdrill

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lastack/harness/experiment/packetdrill/script"
)

// TestFiles: files as named, those below a directory by their ending, in order.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.pkt", "a/c.pkt", "a/notes.txt", "a.pkt", "d.pkt/e.pkt", "plain"} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Files([]string{filepath.Join(dir, "plain"), dir})
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] = filepath.ToSlash(strings.TrimPrefix(got[i], dir+string(filepath.Separator)))
	}
	if want := []string{"plain", "a/c.pkt", "a.pkt", "b.pkt", "d.pkt/e.pkt"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := files([]string{dir}, 3); err == nil || !strings.Contains(err.Error(), "more than 3 scripts") {
		t.Errorf("four scripts where three are the most: %v", err)
	}
	if _, err := Files([]string{filepath.Join(dir, "nothing")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that does not exist: %v", err)
	}
}

// TestLoad: a file larger than a script may be is not read to its end.
func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.pkt")
	if err := errors.Join(os.WriteFile(file, []byte("0 close(3) = 0\n"), 0o644), os.Truncate(file, 1<<40)); err != nil {
		t.Skip("no room for a file with a hole: ", err)
	}
	var wrong *script.Error
	if _, err := Load(t.Context(), file, script.Config{}); !errors.As(err, &wrong) || !strings.Contains(wrong.Text, "the most that is read") {
		t.Errorf("got %v", err)
	}
}
