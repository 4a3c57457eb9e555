package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"lastack/harness/capture"
	"lastack/harness/experiment"
	"lastack/harness/teardown"
)

//go:embed *.yaml
var files embed.FS

// closes are the demo's.
var closes = sync.OnceValue(func() []*experiment.Experiment { return experiment.Embedded(files, "*.yaml") })

// Result is one close, as it was brought about, seen and judged.
type Result struct {
	Experiment string `json:"experiment"`
	Title      string `json:"title"`
	// Subject is "lastack" or "kernel": whose server it was.
	Subject string `json:"subject"`
	// Attempt counts from 1; only the last one of a close is a result.
	Attempt int `json:"attempt"`
	// Excused of the attempts before do not count, because the machine was too busy.
	Excused  int    `json:"excused,omitempty"`
	Settings string `json:"settings"`
	Command  string `json:"command"`
	// Verdict is experiment.Pass or experiment.Fail.
	Verdict string `json:"verdict"`
	// Why says what was not as expected; empty in a pass.
	Why      string          `json:"why,omitempty"`
	Expected teardown.Kind   `json:"expected"`
	Close    teardown.Kind   `json:"close"`
	Report   teardown.Report `json:"report"`
	// ClientState and ServerState are what the sockets' owners said after the
	// close: the kernel by inet_diag, lastack by its own netstack.
	ClientState string `json:"client_state"`
	ServerState string `json:"server_state"`
	// Witness is who captured the packets; Compared holds lastack's own trace
	// against it. The kernel as a subject has no trace of its own.
	Witness  string         `json:"witness"`
	Compared *teardown.Diff `json:"compared,omitempty"`
}

// maxAttempts is how often a close is brought about before its failure counts.
const maxAttempts = 3

// Run brings the demo's closes about, one after the other, and writes to t how it
// goes on. An error means that it could not be carried through; a close that is not
// as expected is no error, but a Result with the verdict experiment.Fail.
func Run(ctx context.Context, t Text) (results []Result, err error) {
	noTcpdump, err := whyNoTcpdump(ctx)
	if err != nil {
		return nil, err
	}
	t.Begin(noTcpdump)
	cfg := experiment.Config{
		Trace: true, Tcpdump: noTcpdump == "", Attempts: maxAttempts,
		Trying: func(e *experiment.Experiment, r *experiment.Result) { t.Start(announce(e, r)) },
		Tried:  func(e *experiment.Experiment, r *experiment.Result) { t.Done(result(e, r)) },
	}
	for _, e := range closes() {
		cfg.Subjects = []string{subject(e)}
		got, err := experiment.Run(ctx, []*experiment.Experiment{e}, cfg)
		if err == nil {
			err = got[0].Missing
		}
		if err != nil {
			return results, fmt.Errorf("(%s) %s: %w", e.Name, e.Shows, err)
		}
		results = append(results, *result(e, &got[0]))
	}
	return results, nil
}

// subject is the one that the file does not skip.
func subject(e *experiment.Experiment) string {
	if e.Reason(experiment.Lastack) == "" {
		return experiment.Lastack
	}
	return experiment.Kernel
}

// whyNoTcpdump is empty if tcpdump can be the witness, and otherwise the reason,
// for the reader to know.
func whyNoTcpdump(ctx context.Context) (string, error) {
	t, err := capture.StartTcpdump(ctx, "lo", capture.TcpdumpConfig{})
	var un *capture.UnavailableError
	switch {
	case errors.As(err, &un):
		return un.Error(), nil
	case err != nil:
		return "", err
	}
	return "", t.Close()
}

// announce is the next attempt at a close, before it is made.
func announce(e *experiment.Experiment, r *experiment.Result) *Result {
	return &Result{
		Experiment: e.Name, Title: e.Shows, Subject: r.Subject, Settings: settings(e), Command: command(e),
		Expected: e.Expect.Close, Attempt: r.Attempts - r.Excused + 1, Excused: r.Excused,
	}
}

// result is what an attempt has come to.
func result(e *experiment.Experiment, r *experiment.Result) *Result {
	out := announce(e, r)
	out.Attempt = max(out.Attempt-1, 1)
	out.Verdict, out.Why, out.Close, out.Witness, out.Compared = r.Verdict, r.Why, r.Close, r.Witness, r.Compared
	if r.Report != nil {
		out.Report, out.ClientState, out.ServerState = *r.Report, r.States.Client, r.States.Server
	}
	return out
}

// settings says in words what the close happens with.
func settings(e *experiment.Experiment) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(e.Tunables.Subject)) {
		all = append(all, name+"="+e.Tunables.Subject[name])
	}
	if len(all) == 0 {
		return "the kernel's own delayed ACK"
	}
	return strings.Join(all, ", ")
}

// command is the client's command line as a person would type it.
func command(e *experiment.Experiment) string {
	args := e.Invocation()
	var shown []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--noproxy", "--max-time", "-o", "-w":
			i++ // precautions, and where the page goes
		case "-sS":
		default:
			shown = append(shown, args[i])
		}
	}
	line := strings.Join(shown, " ")
	if in := strings.TrimSpace(e.Client.Stdin); in != "" {
		line = "echo " + in + " | " + line
	}
	return line
}

// Passed reports whether every close was as expected, and none is missing.
func Passed(results []Result) bool {
	failed := func(r Result) bool { return r.Verdict != experiment.Pass }
	return !slices.ContainsFunc(results, failed) && len(results) == len(closes())
}
