package web

import (
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCatalogues: every language has every text, with the same places for values, and the page
// asks for no text that there is not.
func TestCatalogues(t *testing.T) {
	english := catalogue(t, "en")
	places := regexp.MustCompile(`\{\w+\}`)
	for _, lang := range []string{"zh"} {
		other := catalogue(t, lang)
		for key, text := range english {
			got, ok := other[key]
			if !ok || got == "" {
				t.Errorf("%s has no %q", lang, key)
				continue
			}
			a, b := places.FindAllString(text, -1), places.FindAllString(got, -1)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("%s: %q has the places %v, and English %v", lang, key, b, a)
			}
		}
		for key := range other {
			if _, ok := english[key]; !ok {
				t.Errorf("%s has %q, which English has not", lang, key)
			}
		}
	}
	for _, key := range asked(t) {
		if _, ok := english[key]; !ok {
			t.Errorf("the page asks for %q, and there is no such text", key)
		}
	}
	for _, a := range actions {
		for _, key := range []string{"act-" + a.id, "act-" + a.id + "-title"} {
			if _, ok := english[key]; !ok {
				t.Errorf("there is no text %q", key)
			}
		}
	}
}

func catalogue(t *testing.T, lang string) (texts map[string]string) {
	t.Helper()
	b, err := assets.ReadFile("assets/" + lang + ".json")
	if err == nil {
		err = json.Unmarshal(b, &texts)
	}
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// asked are the keys that the page and its script name.
func asked(t *testing.T) []string {
	t.Helper()
	keys := map[string]bool{}
	names, err := fs.Glob(assets, "assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".json") {
			continue
		}
		b, err := assets.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`data-t(?:-label)?="([^"]+)"|\bt\("([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
			keys[m[1]+m[2]] = true
		}
	}
	if len(keys) < 50 {
		t.Errorf("%d keys found: the page has more", len(keys))
	}
	return slices.Sorted(maps.Keys(keys))
}

// TestNothingFromElsewhere: the page loads nothing that is not embedded.
func TestNothingFromElsewhere(t *testing.T) {
	names, err := fs.Glob(assets, "assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := assets.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`https?://[^\s"'\x60)]+`).FindAllString(string(b), -1) {
			if m != "http://www.w3.org/2000/svg" {
				t.Errorf("%s names %s", name, m)
			}
		}
	}
}
