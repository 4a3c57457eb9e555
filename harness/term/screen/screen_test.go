package screen

import (
	"os"
	"path/filepath"
	"testing"
)

func TestColumnsOfWhatIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, ok := Columns(f); ok {
		t.Errorf("a file is %d columns wide", n)
	}
}
