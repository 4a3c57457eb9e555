package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/experiment/junit"
)

// ciFixture is a run on three subjects, of which one is somebody's own.
func ciFixture() ([]*experiment.Experiment, []experiment.Result) {
	return []*experiment.Experiment{
			{Name: "three-way", Question: "Is it three?"},
			{Name: "server-first", Question: "Who is in \x1b[31mTIME_WAIT?"},
			{Name: "fast-open", Question: "Is it fast?"},
		}, []experiment.Result{
			{Experiment: "three-way", Subject: "lastack", Verdict: experiment.Pass, Attempts: 1, TookMS: 120},
			{Experiment: "three-way", Subject: "kernel", Verdict: experiment.Pass, Attempts: 1},
			{Experiment: "three-way", Subject: "mine", Verdict: experiment.Pass, Attempts: 2},
			{Experiment: "server-first", Subject: "lastack", Verdict: experiment.Pass, Attempts: 1},
			{Experiment: "server-first", Subject: "kernel", Verdict: experiment.Pass, Attempts: 1},
			{Experiment: "server-first", Subject: "mine", Verdict: experiment.Fail, Attempts: 4, Why: "mine died: # TODO <\x00>\nno luck"},
			{Experiment: "fast-open", Subject: "lastack", Verdict: experiment.Pass, Attempts: 1},
			{Experiment: "fast-open", Subject: "kernel", Verdict: experiment.Pass, Attempts: 1},
			{Experiment: "fast-open", Subject: "mine", Verdict: experiment.Skipped, Why: "mine lacks #7 \\ fast-open"},
		}
}

func TestTable(t *testing.T) {
	all, results := ciFixture()
	var out bytes.Buffer
	if err := Table(&out, all, results, false); err != nil {
		t.Fatal(err)
	}
	want := `experiment    kernel  lastack  mine
three-way     pass    pass     pass
server-first  pass    pass     FAIL
fast-open     pass    pass     skip
passed        3       3        1
failed        0       0        1
skipped       0       0        1
`
	if out.String() != want {
		t.Errorf("have\n%s\nwant\n%s", out.String(), want)
	}
}

// TestTAP: a line each, in which nothing of what others say is taken for a directive or
// another line.
func TestTAP(t *testing.T) {
	all, results := ciFixture()
	var out bytes.Buffer
	tap := NewTAP(&out, len(results))
	for i := range results {
		tap.Done(all[i/3], &results[i])
	}
	tap.Bail(errors.New("no\nmore"))
	if err := tap.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range map[int]string{
		0: "TAP version 14", 1: "1..9", 2: "ok 1 - three-way on lastack",
		7: "not ok 6 - server-first on mine", 8: "  ---", 9: `  message: "mine died: # TODO <\x00>\nno luck"`,
		12: "  ...", 15: `ok 9 - fast-open on mine # SKIP mine lacks \#7 \\ fast-open`, 16: "Bail out! no more",
	} {
		if lines[i] != want {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if err := NewTAP(fullDisk{}, 1).Close(); err == nil {
		t.Error("a full disk is no error")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestJUnit: well-formed whatever a program printed, with what build servers count.
func TestJUnit(t *testing.T) {
	all, results := ciFixture()
	var out bytes.Buffer
	if err := JUnit(&out, all, results); err != nil {
		t.Fatal(err)
	}
	var doc junit.Suites
	if err := xml.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if doc.Tests != 9 || doc.Failures != 1 || doc.Skipped != 1 || len(doc.Suites) != 3 {
		t.Errorf("%+v", doc)
	}
	mine := doc.Suites[2]
	if mine.Name != "mine" || mine.Failures != 1 || !strings.HasPrefix(mine.Cases[1].Failure.Message, "mine died: # TODO <") ||
		mine.Cases[2].Skipped == nil || mine.Cases[0].Failure != nil || doc.Suites[1].Cases[0].Seconds != "0.120" {
		t.Errorf("%+v", mine)
	}
	if err := JUnit(fullDisk{}, all, results); err == nil {
		t.Error("a full disk is no error")
	}
}

// TestPageOfStranger: the page has a column for a subject that is not built in, behind the
// others.
func TestPageOfStranger(t *testing.T) {
	all, results := ciFixture()
	p := newResultsPage(all, results)
	if got := strings.Join(p.Subjects, " "); got != "lastack kernel mine" {
		t.Errorf("the columns are %s", got)
	}
	if page := render(t, all, results); !strings.Contains(page, "and on the kernel's, and on mine.") {
		t.Error("the page does not name it")
	}
	if on := p.On(p.Entries[0]); len(on) != 3 || on[2] == nil || on[2].Verdict != experiment.Fail {
		t.Errorf("%+v", on)
	}
}
