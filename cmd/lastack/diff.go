package main

import (
	"context"
	"os"

	"lastack/harness/capture"
	"lastack/harness/explain"

	"github.com/spf13/cobra"
)

// diffFlags is what the command line says before it is understood.
type diffFlags struct {
	both, a, b   string
	strict, json bool
}

func diffCommand() *cobra.Command {
	var f diffFlags
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Two captures of one close, segment by segment",
		Long: `diff aligns two captures of one close, or of two that ought to be alike: what lastack
recorded and what tcpdump saw, the close on lastack and the close on the kernel.

Segments are paired in each direction by flags, relative sequence and acknowledgment
number, and length; times count from the first FIN or RST. In the close the numbers
count from where each side stood when it began, so that it does not matter how much
was said before. Marks: "!" differs, "<" only A has it, ">" only B has it, "~" only
window, options or PSH differ.

Where a file has several connections, --connection chooses in both, --a and --b in
one: by number, or by the address and port of one end or of both.

  lastack diff lastack.pcapng tcpdump.pcap
  lastack diff before.pcap after.pcap --a 17 --b 10.0.0.1:40000,10.0.0.2:80

Exit status: 0 if the closes are alike, 1 if kind, active closer or a segment of the
close differ (--strict: or what comes before, a window, an option), 2 for input that
cannot be read or chosen from.`,
		Args: cobra.ExactArgs(2),
	}
	l := c.Flags()
	l.StringVar(&f.both, "connection", "", "which connection of both: `N` or an end, IP:PORT")
	l.StringVar(&f.a, "a", "", "which connection of A: `N` or an end, IP:PORT")
	l.StringVar(&f.b, "b", "", "which connection of B: `N` or an end, IP:PORT")
	l.BoolVar(&f.strict, "strict", false, "let what comes before the close, windows and options count too")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	c.RunE = func(c *cobra.Command, args []string) error { return runDiff(c.Context(), &f, args) }
	return c
}

func runDiff(ctx context.Context, f *diffFlags, files []string) error {
	var traces [2]*explain.Trace
	for i, choice := range []string{f.a, f.b} {
		flag := []string{"--a", "--b"}[i]
		if choice == "" {
			flag, choice = "--connection", f.both
		}
		var err error
		if traces[i], err = pick(ctx, files[i], flag, choice); err != nil {
			return usage(err)
		}
	}
	d := explain.Compare(traces[0], traces[1], files[0], files[1])
	show := func() error { return explain.WriteDiff(os.Stdout, d, colored(os.Stdout)) }
	if f.json {
		show = func() error { return writeJSON(os.Stdout, d) }
	}
	if err := show(); err != nil {
		return err
	}
	if !d.Same || f.strict && !(d.OpeningSame && d.MinorSame) {
		return &exitError{code: exitFailed}
	}
	return nil
}

// pick reads one connection of a file.
func pick(ctx context.Context, path, flag, text string) (*explain.Trace, error) {
	var choice explain.Choice
	if text != "" {
		var err error
		if choice, err = explain.ParseChoice(text); err != nil {
			return nil, usagef("%s: %w", flag, err)
		}
	}
	f, err := capture.Open(path, capture.OpenConfig{Stop: ctx.Done()})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return explain.Pick(f, choice, path)
}
