package experiment_test

import (
	"slices"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/lab/labtest"
)

// wrongly is an experiment whose crafted segments end with the step.
const wrongly = `name: wrongly
question: Does it get that?
shows: It does not.
server: {app: server-closes}
client:
  crafted:
    - connect
    - send "hello"
    - 'read "hello"'
    - finish
    - 'STEP'
expect:
  close: three-way
  states: {client: CLOSED, server: TIME_WAIT}
`

// TestCraftedFails: an answer that is not the one expected is told, on both
// subjects, and so is what the other segments got.
func TestCraftedFails(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for step, want := range map[string]string{
		"inject PSH+ACK seq -1 data 1 gets nothing": "it got ACK, expected nothing",
		"inject RST seq +1 gets ACK":                "it got nothing, expected ACK",
		"connect isn +1 gets ACK":                   "it got SYN+ACK, expected ACK",
		"connect isn -9000 ts +0":                   "it got ACK, expected SYN+ACK",
	} {
		e, err := experiment.Parse("x.yaml", []byte(strings.Replace(wrongly, "STEP", step, 1)))
		if err != nil {
			t.Fatal(err)
		}
		results, err := experiment.Run(t.Context(), []*experiment.Experiment{e}, experiment.Config{Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Verdict != experiment.Fail || !strings.Contains(r.Why, want) {
				t.Errorf("%s on %s: %s: %s, want %s", step, r.Subject, r.Verdict, r.Why, want)
			}
			first := []experiment.Answer{{Step: "connect", Got: "SYN+ACK"}, {Step: `read "hello"`, Got: "hello"}}
			if len(r.Answers) != 3 || !slices.Equal(r.Answers[:2], first) {
				t.Errorf("%s on %s: answers %q", step, r.Subject, r.Answers)
			}
		}
	}
}
