package experiment

import (
	"os"
	"strings"
	"testing"
)

// throughNAT and throughProxy are whole experiments.
const (
	throughProxy = `name: whole
question: Is it whole?
shows: That it is.
server: {app: echo}
through: [socat, "TCP-LISTEN:{LISTEN_PORT}", "TCP:{SERVER_HOST}:{SERVER_PORT}"]
client:
  steps: [connect, close]
expect:
  close: three-way
  states: {client: TIME_WAIT, server: CLOSED}
  behind:
    close: four-way
    states: {client: TIME_WAIT, server: CLOSED}
`
	throughNAT = `name: whole
question: Is it whole?
shows: That it is.
server: {app: echo}
through: nat
client:
  steps: [connect, forget, close]
expect:
  close: three-way
  states: {client: TIME_WAIT, server: CLOSED}
  behind:
    close: four-way
`
)

func TestThrough(t *testing.T) {
	e, err := Parse("x.yaml", []byte(throughProxy))
	if err != nil {
		t.Fatal(err)
	}
	if e.Through.NAT || len(e.Through.Command) != 3 || e.Server.Port != 7002 || e.Expect.Behind.Close != "four-way" || e.Between() != "the proxy" {
		t.Errorf("%+v", e)
	}
	if e, err = Parse("x.yaml", []byte(throughNAT)); err != nil || !e.Through.NAT || e.Between() != "NAT" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestThroughMistakes(t *testing.T) {
	for _, tt := range []struct{ whole, old, new, want string }{
		{throughNAT, "through: nat", "through: natt", `x.yaml:5: through is "natt"; want nat, or a proxy's command as a list: [socat,`},
		{throughNAT, "through: nat", "through: {command: socat}", "x.yaml:5: through is a mapping; want nat, or"},
		{throughNAT, "through: nat", "through:", "x.yaml:5: through is empty; want nat, or"},
		{throughNAT, "through: nat\n", "", "x.yaml:6: the step forget is for a NAT"},
		{throughNAT, "    close: four-way", "    close: four-way\n    states: {client: CLOSED, server: CLOSED}", "x.yaml:13: expect.behind.states: NAT has no sockets"},
		{throughProxy, `[socat, "TCP-LISTEN:{LISTEN_PORT}", "TCP:{SERVER_HOST}:{SERVER_PORT}"]`, "[]", "x.yaml:5: through: the command's name is empty"},
		{throughProxy, "{LISTEN_PORT}", "{LISTENPORT}", "x.yaml:5: through: there is no {LISTENPORT}; there are {LISTEN_HOST}"},
		{throughProxy, "steps: [connect", "steps: [connect, forget", "the step forget is for a NAT"},
		{throughProxy, "through: [socat, \"TCP-LISTEN:{LISTEN_PORT}\", \"TCP:{SERVER_HOST}:{SERVER_PORT}\"]\n", "", "x.yaml:11: expect.behind is for the leg behind a proxy"},
		{throughProxy, "    states: {client: TIME_WAIT, server: CLOSED}\n", "", `the field "states" is missing in expect.behind`},
		{throughProxy, "    close: four-way", "    close: four", `x.yaml:12: expect.behind.close: there is no "four"`},
		{throughProxy, "    close: four-way", "    closes: four-way", `there is no field "closes" in expect.behind; did you mean "close"?`},
		{throughProxy, "{app: echo}", "{app: echo, port: 80}", "x.yaml:4: server.port and through: what stands in the middle expects the server at 10.78.2.2:7002"},
		{throughProxy, "server: {app", "subject: client\nserver: {app", "x.yaml:4: subject: behind something else stands the server"},
		{throughProxy, "server: {app", "impair: [drop the 1st FIN from host]\nserver: {app", "x.yaml:4: impair and through: rules are for one wire"},
	} {
		broken := strings.Replace(tt.whole, tt.old, tt.new, 1)
		if broken == tt.whole {
			t.Fatalf("%q is not in the example", tt.old)
		}
		_, err := Parse("x.yaml", []byte(broken))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q for %q: %v, want %s", tt.new, tt.old, err, tt.want)
		}
	}
}

// TestReadmeThrough: the experiment that the README shows is one.
func TestReadmeThrough(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, ok := strings.Cut(string(text), "    name: answer-behind-a-proxy\n")
	if !ok {
		t.Fatal("the README shows no experiment with a proxy")
	}
	shown, _, _ = strings.Cut("name: answer-behind-a-proxy\n"+shown, "\n\n")
	e, err := Parse("README.md", []byte(strings.ReplaceAll(shown, "\n    ", "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Through.Command) == 0 || !e.Expect.Behind.given() {
		t.Errorf("%+v", e)
	}
}
