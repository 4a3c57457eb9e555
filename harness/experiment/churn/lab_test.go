package churn_test

import (
	"testing"
	"time"

	"lastack/harness/experiment"
	"lastack/harness/experiment/churn"
	"lastack/harness/lab/labtest"
)

// TestRun has both stacks show what every mode is about, on few ports; with the kernel as the
// client, a lastack that serves connections light shows it too.
func TestRun(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	cfg := churn.Config{LoadSpec: experiment.LoadSpec{Ports: experiment.PortCount(40)}}
	// On a busy machine a FIN may come again and its ACK, too, which draws a RST: that would end
	// TIME_WAIT, and a port be free.
	cfg.Settings = map[string]string{"net.ipv4.tcp_rfc1337": "1"}
	checkModes(t, cfg, 2)
	cfg.Subjects, cfg.Settings["lastack.light"] = []string{experiment.Kernel}, "1"
	checkModes(t, cfg, 1)
}

// checkModes wants each mode to pass with each of so many subjects.
func checkModes(t *testing.T, cfg churn.Config, subjects int) {
	t.Helper()
	results, err := churn.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != subjects*len(churn.Modes()) {
		t.Errorf("%d results", len(results))
	}
	for _, r := range results {
		if r.Verdict != experiment.Pass {
			t.Errorf("%s, %s as the client, %v: %s", r.Mode, r.Subject, cfg.Settings, r.Why)
		}
	}
}

// TestShortLife: with an MSL of its own lastack's ports come back while
// connections are still made.
func TestShortLife(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	m, err := churn.ParseMode("client-first")
	if err != nil {
		t.Fatal(err)
	}
	results, err := churn.Run(t.Context(), churn.Config{
		Modes: []churn.Mode{m}, Subjects: []string{experiment.Lastack}, MSL: 50 * time.Millisecond,
		LoadSpec: experiment.LoadSpec{Ports: experiment.PortCount(20), Connections: 60, Rate: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	// On a busy machine some connections come in bursts, and find no port.
	if r := results[0]; r.Made <= 20 || r.Verdict != experiment.Pass {
		t.Errorf("%d connections made on 20 ports in %.1f s with 2MSL of 100 ms: %s", r.Made, r.Seconds, r.Why)
	}
}
