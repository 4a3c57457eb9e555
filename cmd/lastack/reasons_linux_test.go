package main

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"lastack/harness/capture/reasons"
	"lastack/harness/lab/labtest"
)

// needReasons skips where the kernel says nothing.
func needReasons(t *testing.T) {
	t.Helper()
	s, err := reasons.Open()
	if err != nil {
		t.Skip(err)
	}
	defer s.Close()
	if len(s.Reasons()) == 0 {
		t.Skip("this kernel has no words for why it sends a RST (Linux 6.10 has)")
	}
}

// TestExplainReasons: the lines and the summary of a live capture say why the kernel reset a
// connection and for which process, after all privileges are gone; in JSON likewise. Where
// the right is missing, auto says in a line what it takes, and on fails.
func TestExplainReasons(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	needReasons(t)
	far := liveWire(t)
	serveLive(t, far)
	text := startExplain(t, "-i", "veth-a", "--duration", "2s")
	doc := startExplain(t, "-i", "any", "--json", "--reasons", "on", "--duration", "2s")
	off := startExplain(t, "-i", "any", "--json", "--reasons", "off", "--duration", "2s")
	for _, port := range []int{portAbort, portClient, portNobody} {
		visit(t, port)
	}
	got := text.text(t)
	for _, want := range []string{
		// This process is both ends; in the lab it has number 1.
		`:82  reset, .*; server \S+ \(1\): TCP_STATE; client \S+ \(1\)\n`, `:80  three-way, .*; client \S+ \(1\)`,
		`:84  refused, RST from server; server: NO_SOCKET; client \S+ \(1\)\n`,
		`Why this machine's kernel sent RSTs: NO_SOCKET 1, TCP_STATE 1 \(\S+\)\.\n`,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	var is struct {
		Connections []struct {
			Server string
			Kernel *reasons.Close
		}
	}
	if err := json.Unmarshal([]byte(doc.text(t)), &is); err != nil {
		t.Fatal(err)
	}
	for _, c := range is.Connections {
		if c.Kernel == nil || strings.HasSuffix(c.Server, ":82") && (c.Kernel.Reason != "TCP_STATE" || c.Kernel.PID != 1 || c.Kernel.Command == "") {
			t.Errorf("%s: %+v", c.Server, c.Kernel)
		}
	}
	if len(is.Connections) != 3 {
		t.Errorf("%d connections", len(is.Connections))
	}
	if got := off.text(t); strings.Contains(got, `"kernel`) {
		t.Errorf("--reasons off: %s", got)
	}
	without := func(mode string) (string, int) {
		c := exec.CommandContext(t.Context(), "setpriv", "--bounding-set=-perfmon,-sys_admin", "--inh-caps=-perfmon,-sys_admin",
			asLastack(t), "explain", "-i", "lo", "--duration", "100ms", "--reasons", mode)
		out, err := c.CombinedOutput()
		if c.ProcessState == nil {
			t.Skipf("needs setpriv (sudo apt-get install util-linux): %v", err)
		}
		return string(out), c.ProcessState.ExitCode()
	}
	const need = "the kernel's reasons need root (CAP_PERFMON) and tracefs (mount -t tracefs tracefs /sys/kernel/tracing): "
	if out, code := without("on"); code != exitMissing || !strings.HasPrefix(out, "lastack: --reasons on: "+need) {
		t.Errorf("on: %d, %s", code, out)
	}
	// The /proc of the lab is the outer one's, so that it cannot give up privileges then.
	if out, _ := without("auto"); !strings.HasPrefix(out, "lastack: "+need) || !strings.Contains(out, "; going on without\n") {
		t.Errorf("auto: %s", out)
	}
}

func TestReasonsUsage(t *testing.T) {
	for args, want := range map[string]string{
		"-i lo --reasons x":        `--reasons "x": give one of auto, on, off`,
		"--reasons on FILE":        "--reasons is for a capture with -i",
		"-i lo --csv --reasons on": "text and --json show the kernel's reasons",
	} {
		out, err := exec.Command(asLastack(t), append([]string{"explain"}, strings.Fields(args)...)...).CombinedOutput()
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != exitUsage || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
}
