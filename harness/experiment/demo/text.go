package demo

import (
	"fmt"
	"io"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/teardown/ladder"
	"lastack/harness/term"
	"lastack/harness/term/paragraph"
)

// Text writes how the demo goes on, and sums it up.
type Text struct {
	W io.Writer
	// Color allows ANSI colours.
	Color bool
}

// Begin is for before the first close. noTcpdump says why the packet socket is the
// witness; empty if tcpdump is.
func (t Text) Begin(noTcpdump string) {
	fmt.Fprint(t.W, "Kernel clients close against lastack, a TCP endpoint in userspace on a TUN.\n"+
		"Each ladder is lastack's own trace, held against an independent capture of the\n"+
		"same interface. Times are in milliseconds from the first FIN.\n")
	if noTcpdump != "" {
		fmt.Fprint(t.W, "\nThe capture is the kernel's packet socket, because tcpdump cannot be used here:\n"+
			paragraph.Indented(noTcpdump, "  "))
	}
}

// Start is for before each attempt at a close, and writes what is about to happen.
func (t Text) Start(r *Result) {
	again := ""
	if r.Attempt+r.Excused > 1 {
		again = fmt.Sprintf(", attempt %d of %d: the machine may have been busy", r.Attempt, maxAttempts)
	}
	fmt.Fprintf(t.W, "\n(%s) %s%s\n", r.Experiment, r.Title, again)
	fmt.Fprintf(t.W, "    $ %s      (%s)\n\n", r.Command, r.Settings)
}

// Done is for after each attempt at a close, and writes what came of it.
func (t Text) Done(r *Result) {
	if r.Close == "" { // no connection came of it
		fmt.Fprintf(t.W, "%s: %s\n", experiment.Shout(r.Verdict, t.Color), term.Escape(r.Why))
		return
	}
	client := strings.Trim(strings.Fields(r.Title)[0], ",")
	fmt.Fprint(t.W, ladder.Render(&r.Report, ladder.Config{
		Client: client + " (kernel)", Server: r.server(), Color: t.Color,
	}))
	fmt.Fprintf(t.W, "states afterwards: client %s (inet_diag), server %s (%s)\n",
		r.ClientState, r.ServerState, r.authority())
	fmt.Fprintln(t.W, r.trace())
	if r.Why != "" {
		fmt.Fprintf(t.W, "%s: %s\n", experiment.Shout(r.Verdict, t.Color), r.Why)
		return
	}
	fmt.Fprintf(t.W, "%s: %s, as expected\n", experiment.Shout(r.Verdict, t.Color), r.Close)
}

// Summary writes one line a close.
func (t Text) Summary(results []Result) {
	fmt.Fprintln(t.W, "\nSummary")
	for i := range results {
		r := &results[i]
		again := ""
		if r.Attempt > 1 {
			again = fmt.Sprintf(" at attempt %d", r.Attempt)
		}
		fmt.Fprintf(t.W, "  %s  %-45s %-8s %-10s %s%s\n", r.Experiment, r.Title, r.Subject, r.Close, experiment.Shout(r.Verdict, t.Color), again)
	}
}

// server says whose server it was, authority who told its state.
func (r *Result) server() string {
	if r.Subject == experiment.Kernel {
		return "the kernel"
	}
	return "lastack (userspace)"
}

func (r *Result) authority() string {
	if r.Subject == experiment.Kernel {
		return "inet_diag"
	}
	return "netstack"
}

// trace says what the drawing rests on.
func (r *Result) trace() string {
	d := r.Compared
	switch {
	case d == nil && r.Subject == experiment.Lastack:
		return "trace: not compared, as that takes one connection"
	case d == nil:
		return "trace: as " + r.Witness + " saw it; the kernel has no trace of its own"
	case d.Same:
		return fmt.Sprintf("trace: all %d segments as %s saw them", d.Matched, r.Witness)
	}
	return fmt.Sprintf("trace: %d segments as %s saw them, %d not", d.Matched, r.Witness, d.OnlyA+d.OnlyB+d.Changed)
}
