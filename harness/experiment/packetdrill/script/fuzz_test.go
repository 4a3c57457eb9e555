package script

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// FuzzParse: whatever the text, no panic, and either a script with events or an error
// that has a place in the text and fits a line; what code says is evaluated, too.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/server.pkt", "testdata/tunnel.pkt"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			f.Add([]byte(line), false)
		}
	}
	for _, e := range expressions {
		f.Add([]byte("0 %{ x = "+e+"; assert x }%"), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, strict bool) {
		s, err := Parse("x", text, Config{Strict: strict, Defines: map[string]string{"A": `"a\`, "B": "`b", "C": "-1"}})
		if err != nil {
			checkError(t, err, string(text))
			return
		}
		if len(s.Events) == 0 {
			t.Error("no events, and no error")
		}
		env := &Env{}
		for _, e := range s.Events {
			if c, ok := e.Action.(*Code); ok {
				_ = c.Run(env) // an error is as good as none
			}
		}
	})
}

func checkError(t *testing.T, err error, text string) {
	t.Helper()
	var wrong *Error
	if !errors.As(err, &wrong) || len(wrong.Text) > 500 || strings.ContainsAny(wrong.Text, "\n\x00\x1b") {
		t.Fatalf("%q", err)
	}
	lines := strings.Split(text, "\n")
	if n := wrong.Pos.Line; n < 1 || n > len(lines) || wrong.Pos.Column < 1 || wrong.Pos.Column > len(lines[n-1])+1 {
		t.Fatalf("%v is not in the text", wrong.Pos)
	}
}

// FuzzLexer: tokens follow one another without overlap, to the end of the text.
func FuzzLexer(f *testing.F) {
	f.Add("0.5...1 `a` \"b\" %{c}% --d /* */ // e\n#ifdef A\n#endif -1 0x1 .5 ...")
	f.Fuzz(func(t *testing.T, text string) {
		l := newLexer("x", text, Config{})
		for end := 0; ; {
			tok := l.next()
			if tok.kind == tokEOF {
				return
			}
			if l.off <= end && l.off < len(text) {
				t.Fatalf("no way on from offset %d", end)
			}
			if tok.kind == tokBad && l.off == len(text) {
				return
			}
			if tok.off < end || tok.end > len(text) || tok.end != l.off {
				t.Fatalf("token %+v after offset %d of %d", tok, end, len(text))
			}
			end = l.off
		}
	})
}
