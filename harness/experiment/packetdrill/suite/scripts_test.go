package suite_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// scripts reads all scripts of the suite, by their paths.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	here := os.DirFS(".")
	names, err := fs.Glob(here, "*/*.pkt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(here, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

// TestProse: each script begins with a question, and an answer that names its source.
func TestProse(t *testing.T) {
	source := regexp.MustCompile(`RFC \d+|POSIX|tcp\(7\)`)
	all := scripts(t)
	if len(all) < 120 {
		t.Errorf("%d scripts; want 120 at least", len(all))
	}
	for name, text := range all {
		prose, body, found := strings.Cut(text, "\n\n")
		question, answer, two := strings.Cut(prose, "\n//\n")
		switch {
		case !found || !two || !strings.HasPrefix(prose, "// "):
			t.Errorf("%s: want a question, a line //, an answer, an empty line", name)
		case !source.MatchString(strings.ReplaceAll(answer, "\n// ", " ")):
			t.Errorf("%s: the answer names no RFC, nor another source", name)
		case strings.Count(question, "\n") > 5:
			t.Errorf("%s: the question is too long", name)
		}
		if n := strings.Count(body, "\n"); n > 50 {
			t.Errorf("%s: %d lines; want one mechanism", name, n)
		}
	}
}

// TestKnown: each known difference is explained, and is of scripts whose names no other has.
func TestKnown(t *testing.T) {
	text, err := os.ReadFile("known.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var known []struct{ Name, Why, Agrees string }
	if err := yaml.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	all := scripts(t)
	for _, d := range known {
		if d.Why == "" || d.Agrees == "" {
			t.Errorf("%s: say why, and who agrees", d.Name)
		}
		folders := map[string]bool{}
		for name := range all {
			if ok, err := path.Match(d.Name+".pkt", path.Base(name)); err != nil {
				t.Errorf("%s: %v", d.Name, err)
			} else if ok {
				folders[path.Dir(name)] = true
			}
		}
		if len(folders) != 1 {
			t.Errorf("%s stands for scripts in %d folders; want one", d.Name, len(folders))
		}
	}
}
