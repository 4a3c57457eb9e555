package claims

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/term/golden"
)

// invented is a report of claims on two subjects, one of which differs.
func invented(t *testing.T, numbers ...int) *Report {
	t.Helper()
	cs, err := Select(numbers)
	if err != nil {
		t.Fatal(err)
	}
	kernel, own := linux(t), linux(t)
	own.set(t, "slow-closer-300", "1 c FIN+ACK\n 41 s FIN+ACK\n 41.1 c ACK", "TIME_WAIT", "CLOSED")
	own.results["three-way"].Verdict = experiment.Fail
	own.results["three-way"].Why = "the ACK is late"
	return judgeAll(cs, []Subject{*kernel.subject(experiment.Kernel), *own.subject(experiment.Lastack)})
}

func matches(t *testing.T, name, got string) {
	t.Helper()
	golden.Match(t, filepath.Join("testdata", name), []byte(got))
	for line := range strings.SplitSeq(got, "\n") {
		if len(line) > 80 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}

// TestTable80: verdicts that agree share a line of evidence, others have one
// each, and nothing is wider than 80 columns.
func TestTable80(t *testing.T) {
	var b strings.Builder
	Text{W: &b}.Table(invented(t, 2, 6, 13, 20, 21, 47))
	matches(t, "table.txt", b.String())
}

func TestStory(t *testing.T) {
	var b strings.Builder
	Text{W: &b}.Story(invented(t, 20))
	matches(t, "story.txt", b.String())
}

// TestWidth: whatever the claims, the table fits.
func TestWidth(t *testing.T) {
	var b strings.Builder
	Text{W: &b}.Table(invented(t))
	for line := range strings.SplitSeq(b.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestColor(t *testing.T) {
	var b strings.Builder
	Text{W: &b, Color: true}.Table(invented(t, 20))
	if !strings.Contains(b.String(), "\x1b[31mdoes not hold") {
		t.Errorf("no red:\n%q", b.String())
	}
}

func TestDocument(t *testing.T) {
	r := invented(t, 20, 13)
	text, err := json.Marshal(r.Document())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"number":20`, `"experiments":["slow-closer-300"]`, `"experiments":[]`, `"as_expected":false}`,
		`"lastack":{"verdict":"holds","evidence":"merged: FIN+ACK at 40.0 ms"`, `"results":[{"experiment":`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %.1000s", want, text)
		}
	}
}
