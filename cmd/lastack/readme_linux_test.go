package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestReadmeCommands: every command line of lastack in a README names a command and flags
// that there are, and every path that a README links to exists.
func TestReadmeCommands(t *testing.T) {
	lines := 0
	for _, path := range readmes(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if code, ok := strings.CutPrefix(line, "    "); ok {
				lines += checkCommands(t, path, code)
			}
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), link[1])); err != nil {
				t.Errorf("%s links to what is not there: %v", path, err)
			}
		}
	}
	if lines < 40 {
		t.Errorf("%d command lines found: the READMEs have more", lines)
	}
}

func readmes(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == "README.md" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// checkCommands tries the command lines of lastack in a line of shell, up to parsing.
func checkCommands(t *testing.T, path, code string) (found int) {
	t.Helper()
	code, _, _ = strings.Cut(code, " # ")
	for _, part := range strings.FieldsFunc(code, func(r rune) bool { return r == '|' || r == ';' || r == '&' }) {
		before, args, ok := strings.Cut(part, "bin/lastack ")
		if !ok || strings.HasSuffix(before, "/") || strings.HasSuffix(before, "-o ") {
			continue // it is built or named
		}
		args, _, _ = strings.Cut(args, " >")
		args, _, _ = strings.Cut(args, " \\")
		found++
		fields := words(strings.ReplaceAll(args, "...", ""))
		c, rest, err := command().Find(fields)
		if err == nil {
			err = c.ParseFlags(rest)
		}
		if err != nil && !errors.Is(err, pflag.ErrHelp) || !c.HasParent() {
			t.Errorf("%s: lastack %s: %v", path, args, err)
		}
	}
	return found
}

// words splits as a shell does, as far as the READMEs need it.
func words(s string) (out []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(s, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}
