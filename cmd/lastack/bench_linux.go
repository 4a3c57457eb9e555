package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lastack/harness/bench"
	"lastack/harness/term/outfile"

	"github.com/spf13/cobra"
)

// benchFlags is what the command line says.
type benchFlags struct {
	cfg  bench.Config
	json bool
	svg  string
}

func benchCommand() *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench [GROUP|CASE...]",
		Short: "Measure lastack beside the kernel and plain gVisor",
		Long: `bench measures lastack side by side with what it is compared with: the kernel over
a virtual cable, the kernel through a loop that copies packets between two TUNs
(the least that any stack on a TUN can cost), and plain gVisor on its own fdbased
endpoint, as its examples have it. Each run has network namespaces of its own, the
subjects take turns, to and fro, and a round in which the machine's speed moved by more than
15% is dropped. Only the ratios mean anything on another machine, so they come
first, each with the goal that lastack has set itself.

Groups: ` + strings.Join(bench.Groups, ", ") + `.
Without any, all are measured, which takes about half an hour; --quick takes less
than a minute, and its figures say little.

The clients are the kernel's, in a process of their own. --svg FILE draws a chart.
It needs root, or user namespaces and a readable /dev/net/tun. It leaves nothing
behind, and Ctrl-C reports what was measured so far. Exit status: 0 even if a goal
is missed, 1 if a connection failed, 3 if the machine does not have something ("lastack
doctor" says more).`,
		Args: cobra.ArbitraryArgs,
	}
	l := c.Flags()
	l.BoolVar(&f.cfg.Quick, "quick", false, "one round of short runs")
	l.IntVar(&f.cfg.Rounds, "rounds", 0, "rounds of each case (default 5, or 1 with --quick)")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	l.StringVar(&f.svg, "svg", "", "draw a chart in this `FILE`")
	c.RunE = func(c *cobra.Command, args []string) error { return runBench(c.Context(), c.OutOrStdout(), &f, args) }
	c.AddCommand(benchTimeWaitCommand(), benchChildCommand())
	return c
}

// benchChild is what the processes of a run are started with.
const benchChild = "child"

func benchChildCommand() *cobra.Command {
	return &cobra.Command{
		Use: benchChild, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !bench.IsChild() {
				return usagef("bench %s is for lastack itself to start", benchChild)
			}
			return bench.Child()
		},
	}
}

func runBench(ctx context.Context, w io.Writer, f *benchFlags, groups []string) error {
	f.cfg.Groups, f.cfg.Args = groups, []string{"bench", benchChild}
	if err := f.cfg.Complete(); err != nil {
		return usage(err)
	}
	var drawing *outfile.File
	if f.svg != "" { // now, as half an hour later is late for a mistake
		var err error
		if drawing, err = outfile.Open(f.svg); err != nil {
			return usagef("--svg: %w", err)
		}
		defer drawing.Close() // of no effect after the one that counts
	}
	say, stop := newProgress().latest()
	f.cfg.Progress = func(p bench.Progress) { say(benchProgress(p)) }
	report, err := bench.Compare(ctx, f.cfg)
	stop()
	var exit *bench.ExitError
	if errors.As(err, &exit) {
		err = &exitError{code: exit.Status, err: err}
	}
	if report != nil {
		report.Interrupted = ctx.Err() != nil
	}
	if err != nil && (report == nil || len(report.Cases) == 0 && !(f.json && report.Interrupted)) {
		return err
	}
	if f.json {
		err = errors.Join(err, writeJSON(w, report))
	} else {
		err = errors.Join(err, report.Render(w))
	}
	if drawing != nil {
		err = errors.Join(err, report.SVG(drawing), drawing.Close())
	}
	if what, failed := report.Failed(); failed && err == nil {
		err = &exitError{code: exitFailed, err: errors.New(what)}
	}
	return err
}

// benchProgress is how far a bench is, in a line.
func benchProgress(p bench.Progress) string {
	left := ""
	if p.Left > 0 {
		left = fmt.Sprintf(", about %v left", p.Left.Round(time.Second))
	}
	return fmt.Sprintf("%d of %d runs%s: %s, round %d of %d, %s", p.Done, p.Runs, left, p.Case, p.Round, p.Rounds, p.Subject)
}
