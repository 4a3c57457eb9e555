package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"lastack/harness/experiment"
	"lastack/harness/experiment/report"

	"github.com/spf13/cobra"
)

// runFlags is what the command line says.
type runFlags struct {
	cfg        experiment.Config
	json       bool
	mermaid    bool
	ladders    bool
	report     string
	settings   []string
	rules      []string
	helpFormat bool
	subjects   []string
	alone      bool
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run NAME|FILE...|all",
		Short: "Run experiments on lastack and on the kernel, and judge what is seen",
		Long: `run brings closes about as experiments say, in network namespaces made for it,
captures them, and compares what is seen with what is expected. "lastack list"
shows the built-in experiments; a file has a slash in its name or ends in .yaml,
and --help-format tells what is written in it. Each experiment runs on lastack
and on the kernel, unless it says why not.

The verdict is pass, fail with the first difference, or skip with the reason. A
failure is tried again up to three times before it counts, and more often on a
machine that is too busy for applications to be on time; the result says so.

-w and --impair break the subject or the wire on purpose, as those of "lastack
serve" do, to see that the experiments notice.

--report writes one page for a browser, which needs no network: what failed comes
first, and each experiment has the ladders of both subjects side by side.
--mermaid prints Markdown with Mermaid diagrams of the segments and the states.

It needs root, or user namespaces and a readable /dev/net/tun. It leaves nothing
behind. Exit status: 0 if nothing failed, 1 if something did, 2 for a name or
file that is no experiment, 3 if the machine does not have something ("lastack doctor"
says more).`,
		Args: cobra.ArbitraryArgs,
	}
	l := c.Flags()
	l.StringSliceVar(&f.subjects, "subject", experiment.Subjects(), "what is examined: lastack, kernel, or a `FILE`.yaml that describes a stack")
	l.BoolVar(&f.alone, "alone", false, "examine subjects from files without lastack and the kernel beside them")
	l.BoolVar(&f.cfg.Slow, "slow", false, "run those that take more than 10 seconds, too")
	l.StringVar(&f.cfg.Keep, "keep", "", "save captures and results in the folder `DIR`")
	l.StringArrayVarP(&f.settings, "set", "w", nil, "set a tunable of the subject, NAME=VALUE, beside what the experiments set; repeatable")
	l.StringArrayVar(&f.rules, "impair", nil, "make the wire bad by a `rule`, beside those of the experiments; repeatable")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	l.BoolVar(&f.mermaid, "mermaid", false, "print Markdown with sequence and state diagrams")
	l.StringVar(&f.report, "report", "", "write a page about the results to `FILE`.html")
	l.BoolVarP(&f.ladders, "ladders", "v", false, "draw every connection, not only those that failed")
	l.BoolVar(&f.helpFormat, "help-format", false, "describe the files, and do nothing else")
	c.RunE = func(c *cobra.Command, args []string) error {
		if f.helpFormat {
			_, err := io.WriteString(c.OutOrStdout(), experiment.Help())
			return err
		}
		if len(args) == 0 {
			return usagef("name experiments, or say all; \"lastack list\" lists them")
		}
		if err := f.cfg.ParseSubjects(f.subjects, f.alone); err != nil {
			return usage(err)
		}
		if err := f.cfg.ParseAlterations(f.settings, f.rules); err != nil {
			return usage(err)
		}
		if f.json && f.mermaid {
			return usagef("--json and --mermaid both print to standard output; give one of them")
		}
		// Once outside the lab, too, so that mistakes need none.
		all, err := experiment.Select(args)
		if err != nil {
			return usage(err)
		}
		if err := writable(f.report); err != nil {
			return usage(err)
		}
		return inLab(c.Context(), func(ctx context.Context) error { return runExperiments(ctx, c.OutOrStdout(), all, &f) })
	}
	return c
}

func runExperiments(ctx context.Context, w io.Writer, all []*experiment.Experiment, f *runFlags) error {
	text := experiment.Text{W: w, Color: colored(os.Stdout), Ladders: f.ladders}
	f.cfg.Done = text.Done
	if f.json || f.mermaid {
		f.cfg.Done = nil
		if terminal(os.Stderr) {
			f.cfg.Done = experiment.Text{W: os.Stderr, Color: colored(os.Stderr)}.Done
		}
	}
	results, err := experiment.Run(ctx, all, f.cfg)
	if err != nil {
		return fmt.Errorf("running experiments: %w", err)
	}
	switch {
	case f.json:
		err = writeJSON(w, struct {
			Results []experiment.Result `json:"results"`
			Passed  bool                `json:"passed"`
		}{results, experiment.Passed(results)})
	case f.mermaid:
		err = report.Markdown(w, all, results)
	default:
		text.Summary(results)
	}
	if f.report != "" {
		err = errors.Join(err, writePage(f.report, all, results))
	}
	if err == nil && !experiment.Passed(results) {
		err = &exitError{code: exitFailed}
	}
	return err
}
