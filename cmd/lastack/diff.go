package main

import (
	"context"
	"os"

	"lastack/harness/explain"

	"github.com/spf13/cobra"
)

const diffHelp = `diff holds two captures against each other: of one close, segment by segment, or, with
--path and where both have several connections and none is chosen, all connections of
two captures that were made at both ends of a path.

ONE CLOSE

Two captures of one close, or of two that ought to be alike: what lastack recorded and
what tcpdump saw, the close on lastack and the close on the kernel. Segments are paired
in each direction by flags, relative sequence and acknowledgment number, and length;
times count from the first FIN or RST. In the close the numbers count from where each
side stood when it began, so that it does not matter how much was said before. Marks:
"!" differs, "<" only A has it, ">" only B has it, "~" only window, options or PSH differ.

Where a file has several connections, --connection chooses in both, --a and --b in
one: by number, or by the address and port of one end or of both.

  lastack diff lastack.pcapng tcpdump.pcap
  lastack diff before.pcap after.pcap --a 17 --b 10.0.0.1:40000,10.0.0.2:80

A PATH

Two captures of the same time, at the client's and at the server's end of a NAT, a
firewall, a load balancer, a network. A connection is recognised by its tuple and its
initial sequence numbers, by those numbers alone (NAT), by one of them and one end, by
tuple and time (numbers rewritten), or by tuple and the numbers in use (no handshake
captured). A proxy begins connections of its own, which are not matched; where time and
byte counts agree they are named as candidates. What is told:

  - how B's clock differs, within which bounds, and its drift
  - segments lost on each way, and those that came and that nobody sent. Data are held
    against data byte by byte, so that offloading, which cuts them otherwise, is no change.
    A segment is lost if the other capture does not have it within 10 s, or 1 s after a
    later one of the same direction
  - what was changed: addresses, ports, TTL, DSCP, ECN, MSS, window scale, options,
    timestamps, windows, flags, initial sequence numbers
  - RSTs that were injected or lost on the way, with their TTL
  - connections that one end alone has, and those whose closes differ, the worst first

Segments of a time in which the other capture was not there are not compared. Each file
is read twice, so that neither may be a pipe. Memory is bounded: 200,000 connections of
each file are compared, and 400,000 segments wait to be found, 16,384 of one direction;
past that the oldest count as lost, and a note says so.

  lastack diff client.pcap server.pcap
  lastack diff --path one-connection-at-client.pcap one-connection-at-server.pcap --json

Exit status: 0 if the closes are alike, 1 if kind, active closer or a segment of the
close differ, or a connection is missing at one end (--strict: or what comes before, a
window, an option; with a path, a lost segment or a change but of addresses, ports and
TTL), 2 for input that cannot be read or chosen from.`

// diffFlags is what the command line says before it is understood.
type diffFlags struct {
	both, a, b         string
	strict, json, path bool
}

func (f *diffFlags) chooses() bool { return f.both != "" || f.a != "" || f.b != "" }

func diffCommand() *cobra.Command {
	var f diffFlags
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Two captures of one close, or of both ends of a path",
		Long:  diffHelp,
		Args:  cobra.ExactArgs(2),
	}
	l := c.Flags()
	l.StringVar(&f.both, "connection", "", "which connection of both: `N` or an end, IP:PORT")
	l.StringVar(&f.a, "a", "", "which connection of A: `N` or an end, IP:PORT")
	l.StringVar(&f.b, "b", "", "which connection of B: `N` or an end, IP:PORT")
	l.BoolVar(&f.path, "path", false, "all connections of captures made at both ends of a path")
	l.BoolVar(&f.strict, "strict", false, "let what comes before the close, windows and options count too")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	c.RunE = func(c *cobra.Command, args []string) error {
		if f.path && f.chooses() {
			return usagef("--path is about all connections; leave out --connection, --a and --b, or --path")
		}
		if f.path || !f.chooses() && rereadable(args) {
			return runPathDiff(c.Context(), &f, args)
		}
		return runDiff(c.Context(), &f, args)
	}
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
	same := d.Same && (!f.strict || d.OpeningSame && d.MinorSame)
	return f.show(d, func() error { return explain.WriteDiff(os.Stdout, d, look()) }, same)
}

// show prints a difference as asked for, and says by the exit status whether there is one.
func (f *diffFlags) show(doc any, text func() error, same bool) error {
	if f.json {
		text = func() error { return writeJSON(os.Stdout, doc) }
	}
	if err := text(); err != nil {
		return err
	}
	if !same {
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
	f, err := openStopped(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return explain.Pick(f, choice, path)
}
