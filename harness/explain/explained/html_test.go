package explained

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
	"lastack/harness/teardown"
	"lastack/harness/term/golden"
)

func render(t testing.TB, p *Page) string {
	t.Helper()
	var out bytes.Buffer
	if err := HTML(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fixture is the page of a generated capture.
func fixture(t testing.TB, cfg capturetest.Config) *Page {
	t.Helper()
	var file bytes.Buffer
	if _, err := capturetest.Write(&file, cfg); err != nil {
		t.Fatal(err)
	}
	open := func() capture.Source {
		r, err := capture.NewReader(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a := explain.New(explain.Options{})
	err := a.ReadAll(open())
	sum, fails := a.Summary()
	drawn, again := a.Draw(open())
	if err := errors.Join(err, fails, again); err != nil {
		t.Fatal(err)
	}
	return &Page{Summary: sum, Files: []string{"captures/fixture.pcap"}, Drawn: drawn}
}

func TestGolden(t *testing.T) {
	got := render(t, fixture(t, capturetest.Config{Seed: 1, Connections: 60, IPv6: 30, LostFINs: 20}))
	golden.Match(t, "testdata/page.html", []byte(got))
}

// TestDrawn: each finding has its own example, which shows what it is about.
func TestDrawn(t *testing.T) {
	p := fixture(t, capturetest.Config{Seed: 2, Connections: 400, LostFINs: 20})
	kinds := map[explain.FindingKind]teardown.Kind{
		explain.FindCloseWait: teardown.HalfClosed, explain.FindUnanswered: teardown.Unanswered,
		explain.FindAborts: teardown.Reset, explain.FindRefused: teardown.Refused,
	}
	for i, f := range p.Summary.Findings {
		c := p.Drawn[i]
		if c == nil || c.N != f.Example || !strings.HasPrefix(f.ExampleID, c.Client+"@") || len(c.Segments) == 0 {
			t.Fatalf("%s: example %d, drawn %+v", f.Kind, f.Example, c)
		}
		if want := kinds[f.Kind]; want != "" && c.Close != want {
			t.Errorf("%s: the example is %s", f.Kind, c.Close)
		}
	}
	if len(p.Drawn) < 4 {
		t.Errorf("%d examples", len(p.Drawn))
	}
}

// TestEscaped: nothing from a capture or a file's name becomes markup.
func TestEscaped(t *testing.T) {
	const evil = `"'></style></title><script>alert(1)</script><img src=x onerror=alert(1)>`
	p := fixture(t, capturetest.Config{Seed: 3, Connections: 60, LostFINs: 20})
	p.Files, p.NotDrawn, p.Summary.Warnings = []string{evil, evil}, evil, []string{evil}
	p.Summary.Causes[evil] = 7
	p.Summary.Timeline.Slots[0] = explain.Slot{evil: 3, teardown.Reset: 4}
	for i := range p.Summary.Findings {
		f := &p.Summary.Findings[i]
		f.Kind, f.Text, f.Host, f.ExampleID, f.ExampleOf = evil, evil, evil, evil, []string{evil}
		f.Also = []explain.Also{{Host: evil}}
		c := p.Drawn[i]
		c.Client, c.Server, c.Reason, c.RFC, c.Segments[0].Why = evil, evil, evil, evil, evil
	}
	for i := range p.Summary.Groups {
		p.Summary.Groups[i].Server, p.Summary.Groups[i].Close = evil, evil
	}
	out := render(t, p)
	if n := strings.Count(out, "&lt;script&gt;"); n < 50 {
		t.Errorf("the text is there %d times", n)
	}
	for _, markup := range []string{"<script", "<img", "http://", "https://", "url("} {
		if i := strings.Index(strings.ReplaceAll(out, "http://www.w3.org/2000/svg", ""), markup); i >= 0 {
			t.Errorf("the page has %s", markup)
		}
	}
}

// TestBounded: what there may be many of is cut, and the page says by how much.
func TestBounded(t *testing.T) {
	s := &explain.Summary{}
	for i := range 1024 {
		s.Groups = append(s.Groups, explain.Group{Server: fmt.Sprint(i), Close: teardown.Open, Connections: 2})
	}
	also := make([]explain.Also, 4000)
	s.Findings = []explain.Finding{{Kind: explain.FindLost, Also: also}}
	out := render(t, &Page{Summary: s, Files: slices.Repeat([]string{"x"}, 9999)})
	for _, want := range []string{"and 1,968 connections in 984 more groups", "and 3,988 more", "and 9987 more", "How the connections of 9999 captures closed", "explain FILE... --ladder"} {
		if !strings.Contains(out, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if len(out) > 200_000 {
		t.Errorf("%d bytes", len(out))
	}
}

// TestEmpty: nothing was captured.
func TestEmpty(t *testing.T) {
	out := render(t, &Page{Summary: &explain.Summary{}, Files: []string{"-"}})
	for _, want := range []string{"How the connections of standard input closed", "Nothing was found that somebody should act on.", "No TCP connection."} {
		if !strings.Contains(out, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(out, "Closes over time") {
		t.Error("there is a chart of nothing")
	}
}

// TestChart: the parts of a slot stand upon each other, and fill the picture where most is.
func TestChart(t *testing.T) {
	p := &Page{Summary: &explain.Summary{Timeline: &explain.Timeline{
		Begin: time.Date(2026, 3, 4, 23, 59, 0, 0, time.UTC), WidthUS: 15_000_000,
		Slots: []explain.Slot{{teardown.Reset: 1, teardown.ThreeWay: 3}, nil, nil, nil, {teardown.ThreeWay: 1}, nil, nil, nil},
	}}}
	c := p.Chart()
	want := []bar{
		{teardown.Reset, 0, 750, 0.85, 250, "1 reset at 2026-03-04 23:59:00 UTC"},
		{teardown.ThreeWay, 0, 0, 0.85, 750, "3 three-way at 2026-03-04 23:59:00 UTC"},
		{teardown.ThreeWay, 4, 750, 0.85, 250, "1 three-way at 2026-03-05 00:00:00 UTC"},
	}
	if d := cmp.Diff(want, c.Bars); d != "" {
		t.Error(d)
	}
	if got := fmt.Sprintln(c.Kinds, c.Top, c.Unit, c.Times); got != "[{reset 1} {three-way 4}] 4 15 seconds [03-04 23:59 03-05 00:00 03-05 00:01]\n" {
		t.Error(got)
	}
	out := render(t, p)
	if n := len(regexp.MustCompile(`<rect class="(reset|three-way)"`).FindAllString(out, -1)); n != 3 {
		t.Errorf("%d bars", n)
	}
}

// TestCauses: each that there is has words.
func TestCauses(t *testing.T) {
	for _, c := range teardown.Causes() {
		if c != teardown.CauseNone && causeWords[c] == "" {
			t.Errorf("nothing says what %s means", c)
		}
	}
}
