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

// TestLoad: a load of one's own is judged by who is left without a port and in TIME_WAIT,
// whichever side is examined.
func TestLoad(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	const file = `name: own
question: Does the load find ports?
shows: It depends.
server: {app: APP}
load: {ports: 20, connections: 30}
client:
  steps: [connect, echo 64, STEPS, close]
expect:
  close: any
  states: {client: CLIENT, server: SERVER}
  no_port: NEVER
`
	const clientFirst = "half-close, read to EOF"
	for _, tt := range []struct{ app, steps, client, server, never, why string }{
		{"echo", clientFirst, "TIME_WAIT", "CLOSED", "after the last", ""},
		{"echo", clientFirst, "TIME_WAIT", "CLOSED", "never", "connection 21 found no port, expected none to fail"},
		{"server-closes", "read to EOF", "CLOSED", "TIME_WAIT", "never", ""},
		{"echo", clientFirst, "CLOSED", "any", "after the last", "20 connections are in TIME_WAIT on the client, expected none"},
	} {
		text := strings.NewReplacer("APP", tt.app, "STEPS", tt.steps, "CLIENT", tt.client, "SERVER", tt.server, "NEVER", tt.never).Replace(file)
		e, err := experiment.Parse("own.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		results, err := experiment.Run(t.Context(), []*experiment.Experiment{e}, experiment.Config{Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Why != tt.why {
				t.Errorf("%s: %s on %s, want %q", text, r.Why, r.Subject, tt.why)
			}
		}
	}
}
