package web

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lastack/harness/teardown"
)

// speaking are the functions of harness/teardown that make sentences about closes, and the notes
// under the arrows of ladders.
var speaking = regexp.MustCompile(`^(reason\w*|fourByTime|aside\w*|why\w*|the|atStart|after|roundTrip|quiet|closedWhile|rstsOf|was|times|String|carries)$`)

// saidOfCloses are the texts in these functions, with %s for what is filled in.
func saidOfCloses(t *testing.T) (texts []string) {
	t.Helper()
	const dir = "../../teardown"
	names, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		base := filepath.Base(name)
		if strings.HasSuffix(base, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !speaking.MatchString(fn.Name.Name) || fn.Name.Name == "String" && base != "note.go" {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool { return collect(n, &texts) })
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// collect adds the text that a node of the syntax is, and reports whether to look into it.
func collect(n ast.Node, texts *[]string) bool {
	add := func(text string) {
		if strings.ContainsFunc(strings.ReplaceAll(text, "%s", ""), func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }) {
			*texts = append(*texts, strings.ReplaceAll(text, "%d", "%s"))
		}
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.ADD_ASSIGN {
			return true
		}
		text, said := textOf(n.Rhs[0], texts)
		if !strings.HasPrefix(text, "; ") {
			text = "%s" + text
		}
		if said {
			add(text)
		}
		return false
	case ast.Expr:
		text, said := textOf(n, texts)
		if said {
			add(text)
		}
		return !said
	}
	return true
}

// textOf is an expression as a text with %s for what it does not say itself; said reports
// whether it says anything. Texts in what is filled in are added on their own.
func textOf(e ast.Expr, texts *[]string) (text string, said bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ = strconv.Unquote(e.Value)
			return text, true
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			a, saidA := textOf(e.X, texts)
			b, saidB := textOf(e.Y, texts)
			return a + b, saidA || saidB
		}
	case *ast.CallExpr:
		inside := func(args []ast.Expr) {
			for _, arg := range args {
				ast.Inspect(arg, func(n ast.Node) bool { return collect(n, texts) })
			}
		}
		if sel, ok := e.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sprintf" {
			text, said = textOf(e.Args[0], texts)
			inside(e.Args[1:])
			return text, said
		}
		inside(e.Args)
	}
	return "%s", false
}

// TestChineseCloses: every sentence about closes has a translation with the same places, and
// there is none of what is said no more.
func TestChineseCloses(t *testing.T) {
	texts := catalogue(t, "zh-closes")
	said := saidOfCloses(t)
	if len(said) < 100 {
		t.Fatalf("%d texts found in harness/teardown: there are more", len(said))
	}
	for _, english := range said {
		if texts[english] == "" {
			t.Errorf("assets/zh-closes.json has no %q", english)
		}
	}
	// Who, and what a text is made of by a replacement.
	said = append(said, "client", "server", "; the round trip is %s")
	for english, text := range texts {
		if !slices.Contains(said, english) {
			t.Errorf("assets/zh-closes.json has %q, which nobody says", english)
		}
		for _, place := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(text, -1) {
			if n, err := strconv.Atoi(place[1]); err != nil || n < 1 || n > strings.Count(english, "%s") {
				t.Errorf("%q has the place %s, and English %d", text, place[0], strings.Count(english, "%s"))
			}
		}
	}
}

// TestSayChinese: the sentences and notes of harness/teardown's golden files come out whole.
func TestSayChinese(t *testing.T) {
	names, err := filepath.Glob("../../teardown/testdata/*.json")
	if err != nil || len(names) < 50 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var report teardown.Report
		if err := json.Unmarshal(b, &report); err != nil || report.Reason == "" {
			continue // a file of another kind
		}
		chinese := inChinese(&report)
		if !strings.HasSuffix(chinese.Reason, "。") {
			t.Errorf("%s: no Chinese for %q", name, report.Reason)
		}
		for i, l := range report.Segments {
			if l.Why != "" && chinese.Segments[i].Why == l.Why {
				t.Errorf("%s: no Chinese for %q", name, l.Why)
			}
		}
	}
	for english, want := range map[string]string{
		"": "", "nobody says this": "nobody says this",
		"The server held the ACK of the client's FIN (delayed ACK) and closed 0.03 ms later, so its FIN carried the ACK: three segments.": "服务器延迟了客户端的 FIN 的 ACK（延迟 ACK），0.03 毫秒之后关闭，于是它的 FIN 带走了 ACK：三个报文段。",
	} {
		if got := sayChinese(english); got != want {
			t.Errorf("%q became %q, want %q", english, got, want)
		}
	}
}

// FuzzSayChinese: whatever a report says, it ends, and says something.
func FuzzSayChinese(f *testing.F) {
	f.Add("The server closed 0.2 ms after the client's FIN, so its FIN carried the ACK: three segments; a RST came after the close was over.")
	f.Add(strings.Repeat("; 1 ms later", 60))
	f.Fuzz(func(t *testing.T, text string) {
		if got := sayChinese(text); got == "" && text != "" {
			t.Errorf("%q became nothing", text)
		}
	})
}
