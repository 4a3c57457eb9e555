package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"lastack/harness/experiment"
	"lastack/harness/experiment/claims"

	"github.com/spf13/cobra"
)

// claimsFlags is what the command line says.
type claimsFlags struct {
	cfg     experiment.Config
	alter   alterations
	numbers []int
	json    bool
	report  string
}

func claimsCommand() *cobra.Command {
	var f claimsFlags
	c := &cobra.Command{
		Use:   "claims",
		Short: "Try 49 claims about closing TCP on this kernel and on lastack",
		Long: `claims runs the experiments that try the 49 claims from which lastack started,
each once, and prints a table, a claim as soon as it is judged: the claim, the
verdict here on this kernel, the verdict on lastack, what is right where the claim
is not, and what was measured. The verdict comes from the measurement: holds, in part, does not hold, unclear if an experiment failed, or
not tried, with the reason. With --claim it tells the whole story of a claim,
with the ladders of both.

-w and --impair are those of "lastack run": is a claim as true of a subject that is
tuned, or on a bad wire? -w lastack.light=1 has lastack serve connections light, of
which everything has to be as true.

It needs root, or user namespaces and a readable /dev/net/tun. It leaves nothing
behind. Exit status: 0 if every claim that was tried came out as expected, 1 if
one did not, 2 for a claim that does not exist, 3 if the machine does not have something
("lastack doctor" says more).`,
		Args: cobra.NoArgs,
	}
	l := c.Flags()
	l.IntSliceVar(&f.numbers, "claim", nil, "tell all about claim `N`; may be given again")
	l.StringSliceVar(&f.cfg.Subjects, "subject", experiment.Subjects(), "what is examined")
	l.BoolVar(&f.cfg.Slow, "slow", false, "run experiments that take more than 10 seconds, too")
	f.alter.flags(l)
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	l.StringVar(&f.report, "report", "", "write a page about the claims to `FILE`.html")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := f.cfg.Validate(); err != nil {
			return usage(err)
		}
		if err := f.cfg.ParseAlterations(f.alter.settings, f.alter.rules); err != nil {
			return usage(err)
		}
		// Outside the lab, too, so that a mistake needs none.
		cs, err := claims.Select(f.numbers)
		if err != nil {
			return usage(err)
		}
		if err := writable(f.report); err != nil {
			return usage(err)
		}
		return inLab(c.Context(), func(ctx context.Context) error { return tryClaims(ctx, c.OutOrStdout(), cs, &f) })
	}
	return c
}

func tryClaims(ctx context.Context, w io.Writer, cs []*claims.Claim, f *claimsFlags) error {
	p := newProgress()
	course := experiment.Follow(claims.Experiments(cs), &f.cfg, time.Now)
	stop := p.follow(course.String)
	text := claims.Text{W: p.above(w), Color: colored(os.Stdout), Columns: columns(os.Stdout)}
	show := text.Row
	switch {
	case f.json:
		show = nil
	case len(f.numbers) > 0:
		show = text.Story
	}
	r, err := claims.Run(ctx, cs, f.cfg, show)
	stop()
	if err != nil {
		var doc any
		var unwritten error
		if r != nil {
			r.Unrun = unrun(ctx, err)
			unwritten = f.write(r)
			if f.json {
				doc = r.Cut()
			}
		}
		err = interrupted(ctx, w, fmt.Errorf("trying claims: %w", err), course.Count(), doc)
		return errors.Join(err, unwritten)
	}
	if f.json {
		err = writeJSON(w, r.Document())
	} else {
		text.Summary(r)
	}
	if err = errors.Join(err, f.write(r)); err == nil && !r.AsExpected() {
		err = &exitError{code: exitFailed}
	}
	return err
}

// write writes the page, if one is asked for.
func (f *claimsFlags) write(r *claims.Report) error {
	if f.report == "" {
		return nil
	}
	return writeClaimsPage(f.report, r)
}
