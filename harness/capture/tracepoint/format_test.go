package tracepoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// load reads the format files of testdata, which Linux 6.18 wrote.
func load(t testing.TB, name string) *Format {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".format"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseFormat(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParseFormat(t *testing.T) {
	f := load(t, "tcp_send_reset")
	if f.Name != "tcp_send_reset" || f.ID != 2280 || f.fields["daddr"] != (Field{Offset: 60, Size: 28}) || f.Has("sport") {
		t.Errorf("%+v", f)
	}
	if s := f.Symbols("reason"); len(s) != 26 || s[1] != "NO_SOCKET" || s[15] != "TCP_KEEPALIVE_TIMEOUT" {
		t.Errorf("reasons %v", s)
	}
	if s := f.Symbols("state"); len(s) != 0 {
		t.Errorf("the names of constants are no numbers: %v", s)
	}
	if s := load(t, "kfree_skb").Symbols("reason"); s[45] != "TCP_RESET" || s[3] != "NO_SOCKET" {
		t.Errorf("reasons %v", s)
	}
}

func TestParseFormatErrors(t *testing.T) {
	field := "\tfield:int x;\toffset:0;\tsize:4;\tsigned:1;\n"
	many := strings.Builder{}
	for i := range maxFields + 1 {
		many.WriteString(strings.Replace(field, "x;", "x"+string(rune('a'+i%26))+string(rune('a'+i/26))+";", 1))
	}
	for name, tt := range map[string]struct{ text, want string }{
		"empty":     {"", "without name or ID"},
		"no ID":     {"name: x\n", "without name or ID"},
		"bad ID":    {"name: x\nID: 70000\n", `"x", line 2`},
		"no offset": {"name: x\nID: 1\n\tfield:int x;\tsize:4;\n", "line 3: field:"},
		"too far":   {"name: x\nID: 1\n\tfield:int x;\toffset:8190;\tsize:4;\tsigned:1;\n", "ends at byte 8194"},
		"many":      {"name: x\nID: 1\n" + many.String(), "more than 64"},
		"long":      {strings.Repeat("x", MaxFormat+1), "the longest that is read"},
	} {
		if _, err := ParseFormat(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// TestSymbolsAreBounded: a list that is too long is left out as a whole or cut.
func TestSymbolsAreBounded(t *testing.T) {
	var list strings.Builder
	for range 40_000 / 16 {
		list.WriteString(`{ 0x10, "AAAA" }, `)
	}
	text := "name: x\nID: 1\nprint fmt: __print_symbolic(REC->a, " + list.String() + `{ 7, "` + strings.Repeat("B", maxSymbol+1) + `" })`
	f, err := ParseFormat(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Symbols("a")) > maxSymbols || f.Symbols("a")[7] != "" || f.Symbols("a")[16] != "AAAA" {
		t.Errorf("%v", f.Symbols("a"))
	}
}

func FuzzParseFormat(f *testing.F) {
	for _, name := range []string{"tcp_send_reset", "tcp_receive_reset", "inet_sock_set_state", "kfree_skb"} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".format"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		g, err := ParseFormat(text)
		if err != nil {
			return
		}
		if len(g.fields) > maxFields {
			t.Errorf("%d fields", len(g.fields))
		}
		rec := make([]byte, 100)
		for name := range g.fields {
			g.number(rec, name)
			g.reason(rec)
		}
	})
}
