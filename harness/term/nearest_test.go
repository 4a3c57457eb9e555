package term

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	valid := []string{"send", "shut-read", "close", "cork", "FIN+ACK"}
	for name, want := range map[string]string{
		"snd": "send", "SEND": "send", "clo": "close", "c": "", "fin": "FIN+ACK", "shutdown": "", "": "",
		strings.Repeat("send", 17): "",
	} {
		if got, ok := Nearest(name, valid); ok != (want != "") || ok && got != want {
			t.Errorf("Nearest(%q) = %q, %v; want %q", name, got, ok, want)
		}
	}
	if got, ok := Nearest("send", nil); ok {
		t.Errorf("of no names %q is near", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"tw_reuse", "tw_resue", 2},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for text, want := range map[string]string{
		"a\x1b[2Jb": `"a\x1b[2Jb"`, strings.Repeat("a", 60): `"` + strings.Repeat("a", 60) + `"`,
		strings.Repeat("a", 61): `"` + strings.Repeat("a", 60) + `"...`,
	} {
		if got := Excerpt(text); got != want {
			t.Errorf("Excerpt(%q) = %s, want %s", text, got, want)
		}
	}
}
