package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"lastack/harness/experiment"
	"lastack/harness/experiment/report"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runFlags is what the command line says.
type runFlags struct {
	cfg           experiment.Config
	json          bool
	mermaid       bool
	tap           bool
	ladders       bool
	report, junit string
	alter         alterations
	helpFormat    bool
	helpSubject   bool
	subjects      []string
	groups        []string
	alone         bool
	// grouped: the experiments are sorted by group.
	grouped bool
}

// alterations are what the command line changes about a subject and its wire.
type alterations struct{ settings, rules []string }

func (a *alterations) flags(l *pflag.FlagSet) {
	l.StringArrayVarP(&a.settings, "set", "w", nil, "set a tunable of the subject, NAME=VALUE, beside what the experiments set; repeatable")
	l.StringArrayVar(&a.rules, "impair", nil, "make the wire bad by a `rule`, beside those of the experiments; repeatable")
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run NAME|FILE...|all",
		Short: "Run experiments on lastack, the kernel or a stack of one's own, and judge what is seen",
		Long: `run brings closes about as experiments say, in network namespaces made for it,
captures them, and compares what is seen with what is expected. "lastack list"
shows the built-in experiments; a file has a slash in its name or ends in .yaml,
and --help-format tells what is written in it. 'time-wait-*' is every experiment
whose name matches, --group NAME all of a group. Each experiment runs on lastack
and on the kernel, unless it says why not.

--subject FILE.yaml examines any program that brings a TCP stack of its own and
serves on a TUN or a TAP, beside lastack and the kernel (or --alone); --help-subject
tells what is written in the file. A table at the end compares them.

The verdict is pass, fail with the first difference, or skip with the reason. A
failure is tried again up to three times before it counts, and more often on a
machine that is too busy for applications to be on time; the result says so.

-w and --impair break the subject or the wire on purpose, as those of "lastack
serve" do, to see that the experiments notice; then each is tried once. What nobody is
to notice, such as -w lastack.light=1, is no breakage, and is tried as often as ever.

--report writes one page for a browser, which needs no network: what failed comes
first, and each experiment has the ladders of both subjects side by side.
--mermaid prints Markdown with Mermaid diagrams of the segments and the states.
--tap prints version 14 of the Test Anything Protocol, --junit writes what build
servers read.

It needs root, or user namespaces and a readable /dev/net/tun. It leaves nothing
behind. Exit status: 0 if nothing failed, 1 if something did or a program never
became ready, 2 for a name or file that is no experiment or subject, 3 if the machine
does not have something ("lastack doctor" says more) or a program does not start.`,
		Args: cobra.ArbitraryArgs,
	}
	l := c.Flags()
	l.StringSliceVar(&f.subjects, "subject", experiment.Subjects(), "what is examined: lastack, kernel, or a `FILE`.yaml that describes a stack")
	l.BoolVar(&f.alone, "alone", false, "examine subjects from files without lastack and the kernel beside them")
	l.BoolVar(&f.cfg.Slow, "slow", false, "run those that take more than 10 seconds, too")
	l.StringVar(&f.cfg.Keep, "keep", "", "save captures and results in the folder `DIR`")
	f.alter.flags(l)
	l.StringArrayVar(&f.groups, "group", nil, "run the group `NAME` of the built-in experiments; repeatable")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	l.BoolVar(&f.mermaid, "mermaid", false, "print Markdown with sequence and state diagrams")
	l.BoolVar(&f.tap, "tap", false, "print TAP, version 14")
	l.StringVar(&f.report, "report", "", "write a page about the results to `FILE`.html")
	l.StringVar(&f.junit, "junit", "", "write the results to `FILE` in JUnit's XML")
	l.BoolVarP(&f.ladders, "ladders", "v", false, "draw every connection, not only those that failed")
	l.BoolVar(&f.helpFormat, "help-format", false, "describe the files of experiments, and do nothing else")
	l.BoolVar(&f.helpSubject, "help-subject", false, "describe the files of subjects, and do nothing else")
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case f.helpFormat:
			return printed(c.OutOrStdout(), experiment.Help())
		case f.helpSubject:
			return printed(c.OutOrStdout(), experiment.HelpSubject())
		}
		all, err := f.prepare(args)
		if err != nil {
			return usage(err)
		}
		return inLab(c.Context(), func(ctx context.Context) error { return runExperiments(ctx, c.OutOrStdout(), all, &f) })
	}
	return c
}

func printed(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// prepare finds the experiments, and every mistake of the command line: outside the lab,
// too, so that a mistake needs none.
func (f *runFlags) prepare(args []string) ([]*experiment.Experiment, error) {
	if len(args)+len(f.groups) == 0 {
		return nil, errors.New("name experiments, or say all; \"lastack list\" lists them")
	}
	if err := f.cfg.ParseSubjects(f.subjects, f.alone); err != nil {
		return nil, err
	}
	if err := f.cfg.ParseAlterations(f.alter.settings, f.alter.rules); err != nil {
		return nil, err
	}
	outputs := 0
	for _, given := range []bool{f.json, f.mermaid, f.tap} {
		if given {
			outputs++
		}
	}
	if outputs > 1 {
		return nil, errors.New("--json, --mermaid and --tap all print to standard output; give one of them")
	}
	all, err := experiment.Select(args, f.groups...)
	if err != nil {
		return nil, err
	}
	if slices.Contains(args, "all") || len(f.groups) > 1 {
		all, f.grouped = experiment.ByGroup(all), true
	}
	return all, errors.Join(writable(f.report), writable(f.junit), usableFolder(f.cfg.Keep))
}

func runExperiments(ctx context.Context, w io.Writer, all []*experiment.Experiment, f *runFlags) error {
	p := newProgress()
	text := &experiment.Text{
		W: p.above(w), Color: colored(os.Stdout), Columns: columns(os.Stdout),
		Ladders: f.ladders, Subjects: f.cfg.On(), Groups: f.grouped,
	}
	var tap *report.TAP
	f.cfg.Done = text.Done
	switch {
	case f.tap:
		tap = report.NewTAP(p.above(w), len(all)*len(f.cfg.On()))
		f.cfg.Done = tap.Done
	case f.json || f.mermaid:
		f.cfg.Done = nil
	}
	course := experiment.Follow(all, &f.cfg, time.Now)
	stop := p.follow(course.String)
	results, err := experiment.Run(ctx, all, f.cfg)
	stop()
	if err != nil {
		if tap != nil {
			tap.Bail(err)
			err = errors.Join(err, tap.Close())
		}
		unwritten := f.write(all, experiment.WithUnrun(all, f.cfg.On(), results, unrun(ctx, err)))
		err = interrupted(ctx, w, fmt.Errorf("running experiments: %w", err), course.Count(), cutResults(f.json, results))
		return errors.Join(err, unwritten)
	}
	switch {
	case f.json:
		err = writeJSON(w, resultsDocument[experiment.Result]{Results: results, Passed: experiment.Passed(results)})
	case f.mermaid:
		err = report.Markdown(w, all, results)
	case f.tap:
		err = tap.Close()
	default:
		text.Summary(results)
		if len(f.cfg.Strangers) > 0 {
			err = f.compare(w, all, results)
		}
	}
	if err = errors.Join(err, f.write(all, results)); err == nil && !experiment.Passed(results) {
		err = &exitError{code: exitFailed}
	}
	return err
}

// compare sets the subjects side by side.
func (f *runFlags) compare(w io.Writer, all []*experiment.Experiment, results []experiment.Result) error {
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return report.Table(w, all, results, colored(os.Stdout))
}

// write writes the files that are asked for.
func (f *runFlags) write(all []*experiment.Experiment, results []experiment.Result) (err error) {
	if f.report != "" {
		err = writePage(f.report, all, results)
	}
	if f.junit != "" {
		err = errors.Join(err, writeWhole(f.junit, func(w io.Writer) error { return report.JUnit(w, all, results) }))
	}
	return err
}
