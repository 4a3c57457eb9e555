package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"lastack/harness/lab"
)

const (
	// trialTimeout bounds each trial. A successful trial takes milliseconds, but the
	// packages tried wait up to 5 seconds for the kernel, and may succeed then.
	trialTimeout = 15 * time.Second
	// labTimeout bounds them all, for a child that does not keep the time.
	labTimeout = time.Minute
)

// Options adjusts Run. The zero value is what a program's doctor command wants.
type Options struct {
	// ProbeArgs are the arguments with which this program, inside a lab, calls
	// Probe with its standard output. Nil means os.Args[1:].
	ProbeArgs []string

	// userNamespace makes the lab an ordinary user's even for root.
	userNamespace bool
}

// trial is one thing to try, and what to say about it.
type trial struct {
	name   string
	needed bool
	use    string
	try    func(ctx context.Context) finding
}

// run tries it, for as long as patience lasts.
func (t trial) run(ctx context.Context) Check {
	ctx, cancel := context.WithTimeoutCause(ctx, trialTimeout, fmt.Errorf("it took longer than %v", trialTimeout))
	defer cancel()
	if err := context.Cause(ctx); err != nil {
		return untried(err).of(t)
	}
	return t.try(ctx).of(t)
}

func untried(err error) finding { return fails("not tried: "+err.Error(), "") }

// Run tries everything and returns what it found, always the same checks in the
// same order. It takes about a second. It starts processes but changes nothing,
// and they have ended when it returns. When ctx ends, what was not tried yet
// is reported as missing.
func Run(ctx context.Context, o Options) []Check {
	checks := []Check{
		trial{"kernel", true, "the peer of every experiment; times differ between versions", kernel}.run(ctx),
		trial{"/dev/net/tun", true, "the TUN device", func(context.Context) finding { return tunFile(tunPath, miscPath) }}.run(ctx),
		trial{"namespaces", true, "demo, run, churn, bench: a network of their own", namespaces}.run(ctx),
	}
	checks = append(checks, inLab(ctx, o)...)
	for _, t := range tools() {
		checks = append(checks, t.run(ctx))
	}
	if os.Geteuid() == 0 && !lab.UserNamespace() {
		for i := range checks { // root needs no sudo, and may not have it
			checks[i].Mend = strings.ReplaceAll(checks[i].Mend, "sudo ", "")
		}
	}
	return checks
}

// inLab starts a lab and returns what Probe found there.
func inLab(ctx context.Context, o Options) []Check {
	ctx, cancel := context.WithTimeoutCause(ctx, labTimeout, fmt.Errorf("the trial in a lab took longer than %v", labTimeout))
	defer cancel()
	var stdout, stderr bytes.Buffer
	code, err := lab.Reexec(ctx, lab.Options{
		Args:   o.ProbeArgs,
		Stdin:  bytes.NewReader(nil),
		Stdout: &stdout,
		Stderr: &stderr,
		// This process's end, by a signal or otherwise, ends the lab.
		LeaveSignals:       true,
		ForceUserNamespace: o.userNamespace,
	})
	failed := probeFailure(code, err, stderr.String())
	if failed == nil {
		checks, err := decode(stdout.Bytes())
		if err == nil {
			return checks
		}
		f := fails("the trial in a lab gave no result: "+err.Error(), reportIt)
		failed = &f
	}
	var checks []Check
	for _, t := range trials() {
		checks = append(checks, failed.of(t))
	}
	return checks
}

// reportIt is said where the fault is not the machine's.
const reportIt = "run it again; if it fails again, this is a bug in lastack that should be reported"

// probeFailure says why there is no result, or returns nil if there should be one.
func probeFailure(code int, err error, stderr string) *finding {
	var missing *lab.MissingError
	var f finding
	switch {
	case errors.As(err, &missing):
		// The row of the namespaces says how to fix that.
		f = fails("not tried: there is no lab to try it in", "")
	case err != nil:
		f = untried(err)
	case code != 0:
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		f = fails(fmt.Sprintf("the trial in a lab ended with status %d: %s", code, lines[len(lines)-1]), reportIt)
	default:
		return nil
	}
	return &f
}

// decode reads Probe's output, which must have the checks of its own version.
func decode(out []byte) ([]Check, error) {
	var checks []Check
	if err := json.Unmarshal(out, &checks); err != nil {
		return nil, err
	}
	want := trials()
	if len(checks) != len(want) {
		return nil, fmt.Errorf("%d checks instead of %d", len(checks), len(want))
	}
	for i, c := range checks {
		if c.Name != want[i].name {
			return nil, fmt.Errorf("check %q instead of %q", c.Name, want[i].name)
		}
	}
	return checks, nil
}
