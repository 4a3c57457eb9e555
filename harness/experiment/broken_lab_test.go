package experiment_test

import (
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/lab/labtest"
)

// breakages are stacks and wires that are broken on purpose, and what must be
// said of them.
var breakages = []struct {
	what            string
	settings, rules []string
	subjects        []string
	// fails has a part of the reason for each experiment.
	fails map[string]string
	// passes are those that the breakage does not touch.
	passes []string
}{
	{
		what: "no delayed ACK", settings: []string{"lastack.delayed_ack=0"}, subjects: []string{experiment.Lastack},
		fails: map[string]string{
			"three-way":            "the close is four-way, expected three-way",
			"slow-closer-30":       "the close is four-way, expected three-way",
			"four-way-slow-closer": `segment 2 of the close is "server ACK acks FIN at`,
		},
		passes: []string{"delayed-ack-off", "linger-0", "server-first"},
	},
	{
		what: "no TIME_WAIT", settings: []string{"net.ipv4.tcp_max_tw_buckets=0"},
		fails: map[string]string{
			"server-first":      "the server's socket is CLOSED, expected TIME_WAIT",
			"time-wait-syn-isn": "the server's socket is CLOSED, expected TIME_WAIT",
			"old-data-kept-out": "expected ACK",
		},
		passes: []string{"three-way", "time-wait-none"},
	},
	{
		what: "no ACK of a FIN", rules: []string{"drop pure ACKs of a FIN from host"},
		fails: map[string]string{
			"four-way-slow-closer": "the close is three-way, expected four-way",
			"close-wait-leak":      "expected half-closed",
			"fin-ack-lost":         `nothing fell to the rule "drop the 1st pure ACK of a FIN from host"`,
		},
		passes: []string{"three-way"},
	},
}

// TestBroken: each breakage is noticed by the experiments that are about it, and
// they say what is wrong.
func TestBroken(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, b := range breakages {
		cfg := experiment.Config{Subjects: b.subjects, Attempts: 1, Done: (&experiment.Text{W: t.Output()}).Done}
		if err := cfg.ParseAlterations(b.settings, b.rules); err != nil {
			t.Fatal(err)
		}
		names := append([]string(nil), b.passes...)
		for name := range b.fails {
			names = append(names, name)
		}
		all, err := experiment.Select(names)
		if err != nil {
			t.Fatal(err)
		}
		results, err := experiment.Run(t.Context(), all, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			why, fails := b.fails[r.Experiment]
			if r.Verdict == experiment.Skipped {
				continue
			}
			if fails != (r.Verdict == experiment.Fail) || !strings.Contains(r.Why, why) {
				t.Errorf("%s, %s on %s: %s: %q, want %q", b.what, r.Experiment, r.Subject, r.Verdict, r.Why, why)
			}
		}
	}
}
