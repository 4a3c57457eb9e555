package experiment_test

import (
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/lab/labtest"
)

// program is an experiment whose server is a program.
const program = `name: program
question: Does it serve?
shows: It depends.
skip: {lastack: a program knows the kernel's sockets only}
server: {command: [sh, -c, COMMAND]}
client:
  steps: [connect, close]
expect:
  close: refused
  states: {client: CLOSED, server: CLOSED}
  counts: {connections: 1, failures: 1}
`

// TestServerProgram: a program that ends too soon is an error, one that is
// missing a reason to skip.
func TestServerProgram(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for command, want := range map[string]string{
		"echo no room >&2; exit 3":          "the server, sh, ended before it printed a line to say that it listens: exit status 3: no room",
		"true":                              "the server, sh, ended before it printed a line to say that it listens: exit status 0: ",
		"exec no-such-program":              "SKIP lab: a program that the server needs is not installed",
		"echo listening; echo so; sleep 60": "PASS so",
	} {
		e, err := experiment.Parse("x.yaml", []byte(strings.Replace(program, "COMMAND", "'"+command+"'", 1)))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		results, err := experiment.Run(t.Context(), []*experiment.Experiment{e}, experiment.Config{Subjects: []string{experiment.Kernel}})
		if err != nil {
			got = err.Error()
		} else {
			got = strings.ToUpper(results[0].Verdict) + " " + results[0].Why + results[0].ServerSaid
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", command, got, want)
		}
	}
}
