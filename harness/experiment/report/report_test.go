package report

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lastack/harness/experiment"
	"lastack/harness/term/golden"
)

// fixture is five experiments and what they came to: one failed on a subject, one
// was run on one subject and one on none. One is named and told of in markup.
func fixture(t testing.TB) ([]*experiment.Experiment, []experiment.Result) {
	t.Helper()
	text, err := os.ReadFile("testdata/results.json")
	if err != nil {
		t.Fatal(err)
	}
	var results []experiment.Result
	if err := json.Unmarshal(text, &results); err != nil {
		t.Fatal(err)
	}
	return []*experiment.Experiment{
		{Name: "delayed-ack-off", Question: "Four segments without delayed ACK?", Shows: "Yes.", Claims: []int{2, 20}},
		{Name: "last-ack-lost", Question: "What happens when the last ACK is lost?", Shows: "The server sends its FIN again.", Wrong: "That it does not."},
		{Name: "ports-tw-reuse", Question: "Does tcp_tw_reuse=1 help?", Shows: "It does.", Subject: "client"},
		{Name: "three-way", Question: `Is <script>alert("a question")</script> & *this* run?`, Shows: "<b>Not</b> at all.", Wrong: "# `That` it\nis."},
		{Name: "time-wait-60s", Question: "How long does TIME_WAIT last?", Shows: "A minute.", Slow: true},
	}, results
}

func render(t testing.TB, all []*experiment.Experiment, results []experiment.Result) string {
	t.Helper()
	var out bytes.Buffer
	if err := HTML(&out, all, results); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestHTMLGolden(t *testing.T) {
	all, results := fixture(t)
	golden.Match(t, "testdata/page.html", []byte(render(t, all, results)))
}

func TestMarkdownGolden(t *testing.T) {
	all, results := fixture(t)
	var out bytes.Buffer
	if err := Markdown(&out, all, results); err != nil {
		t.Fatal(err)
	}
	golden.Match(t, "testdata/results.md", out.Bytes())
}

// TestEscaped: nothing that a file or a program said becomes markup, wherever it
// stands.
func TestEscaped(t *testing.T) {
	const evil = `"'></style></title><script>alert(1)</script><img src=x onerror=alert(1)>`
	all, results := fixture(t)
	for _, e := range all {
		e.Name, e.Question, e.Shows, e.Wrong = evil, evil, evil, evil
	}
	for i := range results {
		r := &results[i]
		r.Experiment, r.Why, r.Failure, r.Capture = evil, evil, evil, evil
		r.Prints, r.Earlier, r.Failures = []string{evil}, []string{evil}, 1
		r.Impaired = map[string]int{evil: 1}
		if r.States != nil {
			r.States.Client = evil
		}
		if r.Report != nil {
			r.Report.Client, r.Report.Reason, r.Report.RFC = evil, evil, evil
			l := &r.Report.Segments[0]
			l.Why, l.Impaired, l.States[0] = evil, evil, evil
		}
	}
	out := render(t, all, results)
	if n := strings.Count(out, "&lt;script&gt;"); n < 50 {
		t.Errorf("the text is there %d times, in which case there is little to see here", n)
	}
	for _, markup := range []string{"<script", "<img"} {
		if strings.Contains(out, markup) {
			t.Errorf("the page has a %s", markup)
		}
	}
	if n := strings.Count(out, "</style>"); n != 1 {
		t.Errorf("the style ends %d times", n)
	}
	var md bytes.Buffer
	if err := Markdown(&md, all, results); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(md.String(), "<script") || strings.Contains(md.String(), "<img") {
		t.Error("the Markdown has a <script or an <img")
	}
}

func TestMarkdownText(t *testing.T) {
	for text, want := range map[string]string{
		"Does TIME_WAIT last?":   "Does TIME_WAIT last?",
		"_so_ it `is` * 2":       "\\_so\\_ it \\`is\\` \\* 2",
		"1. one\n- two":          "1\\. one - two",
		"- an item":              "\\- an item",
		"=== \x1b[2J":            "\\=== ?\\[2J",
		"a <b>&lt; [c](d) |\\ #": "a &lt;b\\>&amp;lt; \\[c\\](d) \\|\\\\ \\#",
	} {
		if got := markdown(text); got != want {
			t.Errorf("markdown(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestOrder: what failed comes first and is open, what passed is folded, and what
// was run nowhere comes last.
func TestOrder(t *testing.T) {
	all, results := fixture(t)
	out := render(t, all, results)
	var got []string
	for _, m := range regexp.MustCompile(`<details( open)?>\s*<summary><h3>([^<]*)</h3>`).FindAllStringSubmatch(out, -1) {
		got = append(got, m[2]+m[1])
	}
	want := []string{"last-ack-lost open", "delayed-ack-off", "ports-tw-reuse", "three-way", "time-wait-60s"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestLinks: every link of the contents goes somewhere, and no two elements have
// one id, even where two experiments have one name.
func TestLinks(t *testing.T) {
	all, results := fixture(t)
	out := render(t, append(all, all...), append(results, results...))
	var ids []string
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(out, -1) {
		if slices.Contains(ids, m[1]) {
			t.Errorf("%s is there twice", m[1])
		}
		ids = append(ids, m[1])
	}
	links := regexp.MustCompile(` href="#([^"]*)"`).FindAllStringSubmatch(out, -1)
	if len(links) != 2*len(all) {
		t.Errorf("there are %d links to %d experiments", len(links), 2*len(all))
	}
	for _, m := range links {
		if !slices.Contains(ids, m[1]) {
			t.Errorf("a link to %s goes nowhere", m[1])
		}
	}
}

// TestConnections: of few connections all are drawn, of many the one that the
// result is about.
func TestConnections(t *testing.T) {
	all, results := fixture(t)
	r := &results[0]
	for n, want := range []int{1, 1, 2, 3, 1} {
		r.All = nil
		for range n {
			r.All = append(r.All, *r.Report)
		}
		if got := strings.Count(render(t, all[:1], results[:1]), "<svg "); got != want {
			t.Errorf("of %d connections %d are drawn, want %d", n, got, want)
		}
	}
}

// TestSelfContained: the pages ask the network for nothing and run nothing.
func TestSelfContained(t *testing.T) {
	all, results := fixture(t)
	for name, page := range map[string]string{"experiments": render(t, all, results), "claims": renderClaims(t)} {
		page = strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, "")
		for _, what := range []string{"http:", "https:", "url(", "@import", "<link", "<script", " src=", "javascript:"} {
			if strings.Contains(page, what) {
				t.Errorf("the page of %s has %s", name, what)
			}
		}
	}
}

// TestSize: a page of everything, and more, opens at once.
func TestSize(t *testing.T) {
	all, results := fixture(t)
	var many []*experiment.Experiment
	var more []experiment.Result
	for range 20 {
		many, more = append(many, all...), append(more, results...)
	}
	if out := render(t, many, more); len(more) < 200 || len(out) > 2<<20 {
		t.Errorf("the page of %d results has %d bytes", len(more), len(out))
	}
}
