package report

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lastack/harness/experiment"
	"lastack/harness/experiment/claims"
	"lastack/harness/teardown/page"
	"lastack/harness/term/golden"
)

// claimed is a report about four claims that the fixture's experiments try.
func claimed(t testing.TB) (*claims.Report, []*experiment.Experiment) {
	t.Helper()
	all, results := fixture(t)
	r := &claims.Report{
		Claims: []*claims.Claim{
			{Number: 2, Text: `"Three segments."`, Source: "A", Truth: "It is so.", Tries: []string{"three-way"}},
			{Number: 20, Text: "Wait <b>40 ms</b>.", Source: "N, A", Truth: "It is not so.", Tries: []string{"last-ack-lost"}, Also: []string{"delayed-ack-off"},
				Differs: claims.InPart, Why: "lastack is patient"},
			{Number: 13, Text: "Nobody can tell.", Source: "N", Truth: "Nobody tried.", Needs: "two machines"},
			{Number: 40, Text: "Ports come back.", Source: "N", Truth: "In time.", Tries: []string{"ports-tw-reuse"}},
		},
		Subjects: []claims.Subject{{Name: experiment.Kernel}, {Name: experiment.Lastack}},
	}
	for i := range results {
		j := slices.Index([]string{experiment.Kernel, experiment.Lastack}, results[i].Subject)
		r.Subjects[j].Results = append(r.Subjects[j].Results, results[i])
	}
	for _, marks := range [][2]claims.Mark{{claims.Holds, claims.Holds}, {claims.Unclear, claims.InPart}, {claims.NotTried, claims.NotTried}, {claims.InPart, claims.No}} {
		var row []claims.Outcome
		for _, m := range marks {
			o := claims.Outcome{Verdict: m, Evidence: "what was measured", Expected: m, AsExpected: true}
			if m == claims.Unclear {
				o.Measured, o.Expected, o.AsExpected = claims.No, claims.No, false
			}
			row = append(row, o)
		}
		r.Outcomes = append(r.Outcomes, row)
	}
	return r, all
}

func renderClaims(t testing.TB) string {
	t.Helper()
	var out bytes.Buffer
	if err := page.Execute(&out, files, "claims.html", newClaimsPage(claimed(t))); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestClaimsGolden(t *testing.T) { golden.Match(t, "testdata/claims.html", []byte(renderClaims(t))) }

// TestClaimsOrder: what is not as expected comes first and is open.
func TestClaimsOrder(t *testing.T) {
	var got []string
	for _, m := range regexp.MustCompile(`<details( open)?>\s*<summary><h3>([0-9]+)</h3>`).FindAllStringSubmatch(renderClaims(t), -1) {
		got = append(got, m[2]+m[1])
	}
	if d := cmp.Diff([]string{"20 open", "2", "40", "13"}, got); d != "" {
		t.Error(d)
	}
}

// TestClaimsCorpus makes the page of the real claims before anything was run, in
// which every link to an experiment goes somewhere.
func TestClaimsCorpus(t *testing.T) {
	r := &claims.Report{Claims: claims.All(), Subjects: []claims.Subject{{Name: experiment.Kernel}}}
	for _, c := range r.Claims {
		r.Outcomes = append(r.Outcomes, []claims.Outcome{c.Judge(&r.Subjects[0])})
	}
	var out bytes.Buffer
	if err := Claims(&out, r); err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(` href="#([^"]*)"`).FindAllStringSubmatch(out.String(), -1)
	if len(links) < len(r.Claims) {
		t.Errorf("%d claims have %d links", len(r.Claims), len(links))
	}
	for _, m := range links {
		if !strings.Contains(out.String(), ` id="`+m[1]+`"`) {
			t.Errorf("a link to %s goes nowhere", m[1])
		}
	}
}
