package main

import (
	"context"
	"errors"
	"io"
	"os"

	"lastack/harness/experiment/demo"
	"lastack/harness/lab"

	"github.com/spf13/cobra"
)

func demoCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch kernel clients close in three and in four segments, checked",
		Long: `demo has curl and netcat, over the kernel's own TCP, close against lastack in
network namespaces made for it: in three segments with delayed ACK, in four
without, with data after a half-close, and, for comparison, against the kernel
itself. Each close is drawn with both sides' states and held against what
tcpdump saw (in a user namespace, where tcpdump cannot run: the packet socket).

It needs root, or user namespaces and a readable /dev/net/tun. It leaves nothing
behind. Exit status: 0 if every close is as expected, 1 if not, 3 if the machine
does not have something ("lastack doctor" says more).`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return inLab(c.Context(), func(ctx context.Context) error {
			return runDemo(ctx, c.OutOrStdout(), asJSON, colored(os.Stdout))
		})
	}
	return c
}

func runDemo(ctx context.Context, w io.Writer, asJSON, color bool) error {
	text := demo.Text{W: w, Color: color, Columns: columns(os.Stdout)}
	if asJSON {
		text.W = io.Discard
	}
	results, err := demo.Run(ctx, text)
	if err != nil {
		return interrupted(ctx, w, err, "", cutResults(asJSON, results))
	}
	if asJSON {
		if err := writeJSON(w, resultsDocument[demo.Result]{Results: results, Passed: demo.Passed(results)}); err != nil {
			return err
		}
	} else {
		text.Summary(results)
	}
	if !demo.Passed(results) {
		return &exitError{code: exitFailed}
	}
	return nil
}

// inLab runs f inside a lab of its own: outside, it starts the program again
// inside one, waits, and passes the exit status on.
func inLab(ctx context.Context, f func(context.Context) error) error {
	if lab.Inside() {
		if err := lab.Setup(); err != nil {
			return err
		}
		err := f(ctx)
		if err != nil && ctx.Err() != nil && status(err) != exitInterrupted {
			return context.Canceled // what broke, broke because of the Ctrl-C
		}
		return err
	}
	return ofChild(lab.Reexec(ctx, lab.Options{}))
}

// ofChild is what the program outside a lab ends with: what lab.Reexec returned.
func ofChild(code int, err error) error {
	switch stopped := errors.Is(err, context.Canceled); {
	case err != nil && !stopped:
		return err
	case stopped && code == exitFailed: // before there was a child
		return context.Canceled
	case code == exitOK:
		return nil
	}
	return &exitError{code: code} // the child has said what there is to say
}
