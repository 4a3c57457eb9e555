package experiment_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// half is an experiment whose client half-closes, and whose server answers at once.
const half = `name: half
question: Is it whole?
shows: That it is.
server: {app: half-closer, options: {bytes: 1000}}
through: THROUGH
client:
  steps: [connect, send 100, half-close, read to EOF, close]
expect:
  close: four-way
  active_closer: client
  half_close_bytes: 1000
  states: {client: TIME_WAIT, server: CLOSED}
  behind:
    close: four-way
    active_closer: client
    half_close_bytes: 1000
`

const socat = `[socat, "TCP-LISTEN:{LISTEN_PORT},fork,reuseaddr", "TCP:{SERVER_HOST}:{SERVER_PORT}"]`

// proxied is the experiment through a proxy, or NAT.
func proxied(t *testing.T, through string, replace ...string) *experiment.Experiment {
	t.Helper()
	text := strings.Replace(half, "THROUGH", through, 1)
	if through != "nat" {
		text += "    states: {client: TIME_WAIT, server: CLOSED}\n"
	}
	e, err := experiment.Parse("half.yaml", []byte(strings.NewReplacer(replace...).Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// runOn runs one experiment on both subjects.
func runOn(t *testing.T, e *experiment.Experiment, cfg experiment.Config) []experiment.Result {
	t.Helper()
	cfg.Done = (&experiment.Text{W: t.Output()}).Done
	results, err := experiment.Run(t.Context(), []*experiment.Experiment{e}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// needs skips the test where a program is not installed.
func needs(t *testing.T, program string) {
	t.Helper()
	err := lab.Command(t.Context(), program).Err
	var missing *lab.MissingError
	if errors.As(err, &missing) {
		t.Skip(missing)
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed: apt-get install %s", program, program)
	}
}

// TestThroughProxy: both legs are seen, on both subjects, and a difference on either is
// told, with the leg that it is on.
func TestThroughProxy(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	needs(t, "socat")
	for _, r := range runOn(t, proxied(t, socat), experiment.Config{}) {
		if r.Verdict != experiment.Pass || r.Behind == nil || r.Behind.Close != "four-way" || r.Behind.States == nil || r.Behind.States.Client != "TIME_WAIT" || r.Opposite() != "proxy" {
			t.Errorf("%s: %s: %s, %+v", r.Subject, r.Verdict, r.Why, r.Behind)
		}
	}
	kernel := experiment.Config{Subjects: []string{experiment.Kernel}, Attempts: 1}
	for _, tt := range []struct{ old, new, want string }{
		{"  behind:\n    close: four-way", "  behind:\n    close: reset", "behind the proxy the close is four-way, expected reset"},
		{"    half_close_bytes: 1000", "    half_close_bytes: 7", "behind the proxy 1000 bytes flowed after the first FIN, expected 7"},
		{"    active_closer: client\n    half", "    connections: 0\n    half", "behind the proxy there were 1 connections, expected 0"},
		{"  close: four-way\n  active", "  close: three-way\n  active", "the close is four-way, expected three-way"},
	} {
		r := runOn(t, proxied(t, socat, tt.old, tt.new), kernel)[0]
		if r.Verdict != experiment.Fail || r.Why != tt.want {
			t.Errorf("%q: %s: %s, want %s", tt.new, r.Verdict, r.Why, tt.want)
		}
	}
}

// TestThroughNAT: the states are those of both ends of the path.
func TestThroughNAT(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	needs(t, "nft")
	for _, r := range runOn(t, proxied(t, "nat"), experiment.Config{}) {
		if r.Verdict != experiment.Pass || r.Behind == nil || r.Behind.Close != "four-way" || r.Behind.States != nil || r.Opposite() != "server" {
			t.Errorf("%s: %s: %s, %+v", r.Subject, r.Verdict, r.Why, r.Behind)
		}
	}
}

// TestThroughNoProxy: what is no proxy fails the experiment, or leaves it out, and ends
// no run.
func TestThroughNoProxy(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	kernel := experiment.Config{Subjects: []string{experiment.Kernel}}
	for _, tt := range []struct{ through, verdict, want string }{
		{`[sh, -c, "echo no such thing; exit 3"]`, experiment.Fail, "the proxy ended before it listened at 10.78.1.2:7001: exit status 3; its output: no such thing"},
		{"[there-is-no-such-proxy, x]", experiment.Skipped, "there-is-no-such-proxy"},
	} {
		r := runOn(t, proxied(t, tt.through), kernel)[0]
		if r.Verdict != tt.verdict || !strings.Contains(r.Why, tt.want) {
			t.Errorf("%s: %s: %s", tt.through, r.Verdict, r.Why)
		}
	}
	cfg := experiment.Config{}
	if err := cfg.ParseAlterations(nil, []string{"drop the 1st FIN from host"}); err != nil {
		t.Fatal(err)
	}
	for _, r := range runOn(t, proxied(t, "nat"), cfg) {
		if r.Verdict != experiment.Skipped || !strings.Contains(r.Why, "one on either side of NAT") {
			t.Errorf("%s: %s", r.Verdict, r.Why)
		}
	}
}
