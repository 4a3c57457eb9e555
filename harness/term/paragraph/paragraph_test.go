package paragraph

import (
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one", 10, []string{"one"}},
		{"one  two\nthree", 7, []string{"one two", "three"}},
		{"one two", 6, []string{"one", "two"}},
		{"a \x1b[2J b", 10, []string{`a \x1b[2J`, "b"}},
		{"a longerthanten b", 10, []string{"a", "longerthanten", "b"}},
	} {
		if got := Lines(c.text, c.width); !slices.Equal(got, c.want) {
			t.Errorf("Lines(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestIndented(t *testing.T) {
	if got := Indented("", "  "); got != "\n" {
		t.Errorf("nothing became %q", got)
	}
	word := strings.Repeat("w", 37)
	full := "  " + word + " " + word + "w" // 78 columns
	if got := Indented(word+" "+word+"w end", "  "); got != full+"\n  end\n" {
		t.Errorf("got %q", got)
	}
}

func TestHanging(t *testing.T) {
	for _, c := range []struct {
		text, mark string
		columns    int
		want       string
	}{
		{"one two three", "1. ", 10, "1. one two\n   three\n"},
		{"one two three four", "a long mark ", 20, "a long mark one two\n      three four\n"},
		{"", "x ", 0, "x\n"},
	} {
		if got := Hanging(c.text, c.mark, c.columns); got != c.want {
			t.Errorf("Hanging(%q, %q, %d) = %q, want %q", c.text, c.mark, c.columns, got, c.want)
		}
	}
}
