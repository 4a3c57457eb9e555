package script

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// suitesVar names directories of public scripts, separated as in PATH: google's, Linux's
// and FreeBSD's, which are not part of this repository. Every script in them must parse.
const suitesVar = "LASTACK_PACKETDRILL_SUITES"

func TestPublicSuites(t *testing.T) {
	dirs := filepath.SplitList(os.Getenv(suitesVar))
	if len(dirs) == 0 {
		t.Skip(suitesVar + " names no directories of public scripts")
	}
	for _, dir := range dirs {
		all, bad := 0, 0
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".pkt") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all++
			if _, err := Parse(path, text, Config{}); err != nil {
				bad++
				t.Error(err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		t.Logf("%s: %d of %d scripts parse", dir, all-bad, all)
	}
}
