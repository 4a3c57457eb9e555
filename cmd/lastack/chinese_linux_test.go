package main

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"unicode"

	"lastack/stack/tunable"
)

// TestChineseTexts: the page has every question, its answer and the text of every tunable in
// Chinese, and none that is not asked or said.
func TestChineseTexts(t *testing.T) {
	b, err := os.ReadFile("../../harness/host/web/assets/zh-texts.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, l := range lessons() {
		said = append(said, l.Question, l.Truth, l.Wrong)
	}
	for _, d := range tunable.All() {
		said = append(said, d.Doc)
	}
	for _, english := range said {
		if english != "" && !slices.ContainsFunc([]rune(texts[english]), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("assets/zh-texts.json has no Chinese for %q", english)
		}
	}
	for english := range texts {
		if !slices.Contains(said, english) {
			t.Errorf("assets/zh-texts.json has %q, which nobody says", english)
		}
	}
}
