package term

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var texts = []struct{ text, quoted, escaped string }{
	{"nginx", "nginx", "nginx"},
	{"kworker/0:1 (idle)", "kworker/0:1 (idle)", "kworker/0:1 (idle)"},
	{"Grüße, 世界", "Grüße, 世界", "Grüße, 世界"},
	{`C:\captures`, `C:\captures`, `C:\captures`},
	{"", "", ""},
	{"ng\x1b[31minx", `"ng\x1b[31minx"`, `ng\x1b[31minx`},
	{"a\x1b]0;title\x07", `"a\x1b]0;title\a"`, `a\x1b]0;title\a`},
	{"a\nALARM", `"a\nALARM"`, `a\nALARM`},
	{"a\r\tb\x7f", `"a\r\tb\x7f"`, `a\r\tb\x7f`},
	{"a\u202egnp.exe", `"a\u202egnp.exe"`, `a\u202egnp.exe`},
	{"a\u009b31m", `"a\u009b31m"`, `a\u009b31m`}, // CSI in one character
	{"half \xc3", `"half \xc3"`, `half \xc3`},
	{"\ufffd", "\ufffd", "\ufffd"},
}

func TestQuoteAndEscape(t *testing.T) {
	for _, tt := range texts {
		if got := Quote(tt.text); got != tt.quoted {
			t.Errorf("Quote(%q) = %q, want %q", tt.text, got, tt.quoted)
		}
		if got := Escape(tt.text); got != tt.escaped {
			t.Errorf("Escape(%q) = %q, want %q", tt.text, got, tt.escaped)
		}
	}
}

// FuzzQuote: nothing that a terminal acts upon comes out.
func FuzzQuote(f *testing.F) {
	for _, tt := range texts {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{Quote(text), Escape(text)} {
			if !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
				t.Errorf("%q became %q", text, got)
			}
		}
	})
}
