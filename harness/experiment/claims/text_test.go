package claims

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/experiment/programs"
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

// TestAltered: what was set is said beside the sums.
func TestAltered(t *testing.T) {
	r := invented(t, 20)
	r.Altered = []string{"lastack.light=1"}
	var b strings.Builder
	Text{W: &b}.Summary(r)
	if !strings.Contains(b.String(), "\nWith lastack.light=1:\nkernel: ") {
		t.Error(b.String())
	}
	if d := r.Document(); len(d.Altered) != 1 {
		t.Errorf("%+v", d.Altered)
	}
}

// TestStoryOfPrograms: the figures of applications are told by subject.
func TestStoryOfPrograms(t *testing.T) {
	var b strings.Builder
	Text{W: &b}.Stories(invented(t, 45))
	for _, want := range []string{"who closes first?", "On kernel:", "Go, 20/route  50"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestStory(t *testing.T) {
	var b strings.Builder
	Text{W: &b}.Stories(invented(t, 20))
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

// TestNarrow: down to 40 columns, with the verdicts below the claim.
func TestNarrow(t *testing.T) {
	for _, columns := range []int{40, 60, 72} {
		var b strings.Builder
		Text{W: &b, Columns: columns}.Table(invented(t))
		Text{W: &b, Columns: columns}.Stories(invented(t, 20))
		for line := range strings.Lines(b.String()) {
			if len(line)-1 > columns {
				t.Errorf("%d columns of %d: %s", len(line)-1, columns, line)
			}
		}
		if !strings.Contains(b.String(), "does not hold") {
			t.Errorf("no verdict in %d columns", columns)
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
		`"lastack":{"verdict":"holds","evidence":"merged: FIN+ACK at 40.0 ms"`, `"results":[{"experiment":`, `"programs":[{"trial":`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %.1000s", want, text)
		}
	}
}

// TestProgramsTell: a trial says when it begins and when it is over, as an experiment does, and
// is made once however many claims need it.
func TestProgramsTell(t *testing.T) {
	var told []string
	say := func(what string) func(*experiment.Experiment, *experiment.Result) {
		return func(e *experiment.Experiment, r *experiment.Result) {
			told = append(told, strings.Join([]string{what, e.Name, r.Subject, string(r.Verdict)}, " "))
		}
	}
	on := Subject{Name: experiment.Lastack}
	trials, cfg := []programs.Trial{programs.Leaks}, experiment.Config{Trying: say("trying"), Done: say("done")}
	for range 2 {
		if err := on.tryPrograms(t.Context(), trials, cfg); err != nil || len(on.Programs) != 1 || !on.Programs[0].Empty() {
			t.Errorf("%+v, %v", on.Programs, err)
		}
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], "trying programs: leaks lastack") || told[1] != "done programs: leaks lastack skip" {
		t.Errorf("%q", told)
	}
}
