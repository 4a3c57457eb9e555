package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"
)

// TestProfile: the profile that the command is compiled by is about this module's hot path,
// and names no file of the machine that it was made on.
func TestProfile(t *testing.T) {
	f, err := os.Open("default.pgo")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("there is no profile, as after scripts/publish-as; scripts/profile makes one")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := io.ReadAll(io.LimitReader(z, 16<<20))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"lastack/harness/capture.(*Dedup).Duplicate",
		"lastack/harness/teardown.(*Table).Add",
		"lastack/stack/flow.(*Conn).UpdateTo",
	} {
		if !bytes.Contains(profile, []byte(name)) {
			t.Errorf("it does not know %s; make it anew with scripts/profile", name)
		}
	}
	for _, path := range []string{"/home/", "/root/", "/work/", "/Users/"} {
		if bytes.Contains(profile, []byte(path)) {
			t.Errorf("it has paths with %s", path)
		}
	}
}
