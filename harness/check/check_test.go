package check_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"lastack/harness/check"
	"lastack/harness/teardown"
)

func checks() []check.Check {
	leg := check.Leg{Name: "client leg", Client: "client", Server: "proxy", Report: teardown.Report{
		Client: "10.0.0.1:5", Server: "10.0.0.2:7", Close: teardown.Reset, ActiveCloser: teardown.None, TimeWait: teardown.None,
		ResetBy: teardown.Client, Reason: "It aborted.", RFC: "9293 3.10.5",
		Segments: []teardown.Line{{From: teardown.Client, Flags: "RST", Seq: 1, States: [2]string{"CLOSED", "CLOSED"}}},
	}}
	return []check.Check{
		{Name: "close", Verdict: check.Pass, How: "in order", Legs: []check.Leg{leg}},
		{Name: "reset", Verdict: check.Differs, How: "as a FIN, it said \x1b[31m<b>", Breaks: "everything", Legs: []check.Leg{leg}},
		{Name: "leak", Verdict: check.Skip, How: "no sockets"},
	}
}

func TestVerdicts(t *testing.T) {
	all := checks()
	if check.Passed(all) {
		t.Error("a difference passed")
	}
	check.MarkKnown(all, []string{"reset", "close"})
	if !check.Passed(all) || !all[1].Known || all[0].Known {
		t.Errorf("a known difference: %+v", all)
	}
	for _, tt := range []struct {
		given []string
		want  string
	}{
		{[]string{"close", "leak"}, ""},
		{[]string{"nope"}, `--only "nope": there is no such check; there are close, leak`},
		{[]string{"leak", "leak"}, "--only leak is given twice"},
	} {
		err := check.Names("--only", tt.given, []string{"close", "leak"})
		if got := ""; err != nil {
			got = err.Error()
			if got != tt.want {
				t.Errorf("%v: %q, want %q", tt.given, got, tt.want)
			}
		} else if tt.want != "" {
			t.Errorf("%v: no error", tt.given)
		}
	}
}

// TestText: the ladders of differences are drawn, those of the rest on demand, and what a
// program said does not reach the terminal as it is.
func TestText(t *testing.T) {
	var b bytes.Buffer
	text := check.Text{W: &b}
	all := checks()
	for i := range all {
		text.Write(&all[i])
	}
	text.Summary(all)
	got := b.String()
	for _, want := range []string{"PASS       close\n           in order\n", "DIFFERS    reset\n", `it said \x1b[31m<b>`, "Breaks: everything\n", "\nreset, client leg:\n", "SKIP       leak\n", "\n1 passed, 1 differ, 1 skipped\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "close, client leg") {
		t.Errorf("a ladder that nobody asked for:\n%s", got)
	}
	b.Reset()
	check.MarkKnown(all, []string{"reset"})
	text.Write(&all[1])
	text.Ladders = true
	text.Write(&all[0])
	text.Summary(all)
	got = b.String()
	for _, want := range []string{"KNOWN      reset\n", "close, client leg:\n", "1 differ (1 known)"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "reset, client leg") {
		t.Errorf("the ladder of a known difference:\n%s", got)
	}
}

func TestJSONAndHTML(t *testing.T) {
	b, err := json.Marshal(check.JSON(checks()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"checks":[{"check":"close","verdict":"pass","how":"in order","breaks":"","legs":[{"leg":"client leg","client":"client","server":"proxy","connection":{"client":"10.0.0.1:5"`, `"verdict":"differs"`, `"passed":false`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	if b, _ := json.Marshal(check.JSON(nil)); string(b) != `{"checks":[],"passed":true}` {
		t.Errorf("nothing is %s", b)
	}
	var page bytes.Buffer
	if err := check.HTML(&page, check.Page{Title: "A page", Facts: [][2]string{{"proxy", "a <script>"}}}, checks()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<title>lastack: A page</title>", "a &lt;script&gt;", `class="badge differs"`, "<svg", "What it breaks", `id="check_1_0-title"`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %s in the page", want)
		}
	}
	if strings.Contains(page.String(), "<b>") {
		t.Error("what a program said became markup")
	}
}
