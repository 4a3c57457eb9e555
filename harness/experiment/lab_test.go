package experiment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/lab/labtest"
)

// TestRunCorpus: both stacks do what every experiment says that is not slow, nearly
// always at the first attempt: a stack that needs a second one now and then is not right
// because the runner is patient. lastack does it whether netstack has its connections or not.
func TestRunCorpus(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	keep := t.TempDir()
	results, err := experiment.Run(t.Context(), experiment.Corpus(), experiment.Config{
		Keep: keep,
		Done: (&experiment.Text{W: t.Output()}).Done,
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * len(experiment.Corpus()); len(results) != want {
		t.Errorf("%d results, want %d", len(results), want)
	}
	for _, r := range results {
		if r.Verdict == experiment.Fail {
			t.Errorf("%s on %s: %s", r.Experiment, r.Subject, r.Why)
		}
	}
	again := 0
	for _, r := range results {
		if more := r.Attempts - 1 - r.Excused; more > 0 {
			again += more
			t.Logf("%s on %s: %d attempts, %d of them excused; %q", r.Experiment, r.Subject, r.Attempts, r.Excused, r.Earlier)
		}
	}
	if budget := len(results) / 20; again > budget {
		t.Errorf("%d further attempts on a machine that was on time, want %d at most", again, budget)
	}
	for _, name := range []string{"three-way-kernel.pcap", "three-way-lastack.json"} {
		if st, err := os.Stat(filepath.Join(keep, name)); err != nil || st.Size() == 0 {
			t.Errorf("kept %s: %v", name, err)
		}
	}
	checkLight(t, results)
}

// TestRunFails: a stack that is not as expected fails, after four attempts or,
// on a busy machine, more, and the first difference is said.
func TestRunFails(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	content, err := os.ReadFile("corpus/three-way.yaml")
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(content), "server:\n", "skip: {kernel: no such switch}\n"+
		"tunables: {subject: {lastack.delayed_ack: 0}}\nserver:\n", 1)
	e, err := experiment.Parse("broken.yaml", []byte(broken))
	if err != nil {
		t.Fatal(err)
	}
	results, err := experiment.Run(t.Context(), []*experiment.Experiment{e}, experiment.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := results[0]
	if r.Verdict != experiment.Fail || r.Attempts < 4 || r.Attempts > 12 || r.Why != "the close is four-way, expected three-way" {
		t.Errorf("%s after %d attempts: %s", r.Verdict, r.Attempts, r.Why)
	}
	if r = results[1]; r.Verdict != experiment.Skipped || r.Why != "no such switch" {
		t.Errorf("%s: %s", r.Verdict, r.Why)
	}
}
