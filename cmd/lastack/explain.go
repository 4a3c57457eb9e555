package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"lastack/harness/explain"
	"lastack/harness/teardown/ladder"
	"lastack/harness/term"

	"github.com/spf13/cobra"
)

// explainFlags is what the command line says before it is understood.
type explainFlags struct {
	close  []string
	hosts  []string
	port   uint16
	longer time.Duration
	ports  string

	json, csv, follow bool
	ladder            string
	pcapng            string

	partial, report string
	merge           bool

	live liveFlags
}

func explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use:   "explain FILE...|-|-i IFACE | explain --merge PARTIAL...",
		Short: "How every connection of a capture closed, and why",
		Long: `explain reads what tcpdump or Wireshark wrote and says of every connection who
closed first, in how many segments and why that many, who holds TIME_WAIT, which
side never closed, and who sent a RST and why. A cause is named only if the packets
exclude the others; else it is unknown, and the reason names the candidates.

First come findings: what a person should do something about. Then a table counts
the connections by server and kind of close, the worst kinds first, with the middle
and the 95th percentile of how long they took, of how late the first FIN was
acknowledged, and of how long one side was closed and the other not.

  sudo tcpdump -i any -s 128 -w - tcp | lastack explain -
  lastack explain prod.pcapng.gz --close reset --csv
  lastack explain prod.pcap --ladder 17
  lastack explain prod.pcap --pcapng explained.pcapng    # then: wireshark explained.pcapng
  sudo lastack explain -i any --filter 'port 443' --write /var/tmp/live.pcapng

pcap, pcapng and snoop are read, also compressed with gzip, zstd, lz4 or xz, from
files or from standard input ("-"); several files that overlap or join are read as
one, in the order of time, and a gap ends the view of a connection. Connections in
tunnels (GRE, VXLAN, Geneve, GTP-U, IP in IP ...) are explained too, those of different
tunnels apart. Packets that are skipped are counted by kind.

--follow waits for more at the end of a file, prints a line for each connection that
closes, and the rest on Ctrl-C. --pcapng writes the IP packets again, each that
matters with a comment that Wireshark shows. Memory is bounded whatever the
capture's size.

Captures of many machines are read where they are, by what spreads the work (a batch
queue, a cluster's jobs), and merged in any order:

  lastack explain --partial host1.part host1.pcap     # likewise on every machine
  lastack explain --merge host*.part

The report is that of one run that reads all the captures, if no connection has packets
in two partials: split a capture by connection, or give all files of a host to one run.

` + liveHelp + explain.Thresholds() + `

Exit status: 0; 2 for a file that cannot be read or is damaged; 3 where -i may not
capture. The verdicts on what could be read are printed all the same, and a file that
only ends too early is a warning.`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case f.merge && len(args) == 0 && !f.live.given("interface"):
				return errors.New("give the partials to merge (lastack explain --partial OUT writes one)")
			case f.live.iface == "" && len(args) == 0 && !f.live.given("interface"):
				return errors.New("give a FILE to read, - for standard input, or an interface with -i")
			case f.live.iface != "" && len(args) > 0:
				return fmt.Errorf("-i %s captures, and %s would be read; give one of them", f.live.iface, args[0])
			}
			return nil
		},
	}
	l := c.Flags()
	l.StringSliceVar(&f.close, "close", nil, "only `KIND`s of close: three-way, reset ...")
	l.StringSliceVar(&f.hosts, "host", nil, "only connections of an `ADDRESS` or network, either side")
	l.Uint16Var(&f.port, "port", 0, "only connections of a port, either side")
	l.DurationVar(&f.longer, "longer", 0, "only connections that took longer than this")
	l.StringVar(&f.ports, "port-range", "", "forecast ports by the clients' range `LOW-HIGH`, not by what systems are shipped with")
	l.StringVar(&f.ladder, "ladder", "", "draw connection `N` instead, or IP:PORT@TIME; findings, CSV and JSON name them")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	l.BoolVar(&f.csv, "csv", false, "print a line of CSV for each connection")
	l.BoolVar(&f.follow, "follow", false, "wait for more at the end of the file, until Ctrl-C")
	l.StringVar(&f.report, "report", "", "write a page about the capture to `FILE`.html, too")
	l.StringVar(&f.partial, "partial", "", "write to `OUT` (- is standard output) what --merge needs, instead of a report")
	l.BoolVar(&f.merge, "merge", false, "make the report of the partials that are given")
	l.StringVar(&f.pcapng, "pcapng", "", "write the packets to `FILE` again, with comments")
	f.live.add(c)
	c.RunE = func(c *cobra.Command, args []string) error { return runExplain(c.Context(), &f, args) }
	return c
}

// filter is what the flags ask for.
func (f *explainFlags) filter() (out explain.Filter, err error) {
	if out.Close, err = parseEach(f.close, "--close", explain.ParseKind); err != nil {
		return out, err
	}
	if out.Hosts, err = parseEach(f.hosts, "--host", explain.ParseHost); err != nil {
		return out, err
	}
	if f.longer < 0 {
		return out, usagef("--longer %v: give a time, such as 1s", f.longer)
	}
	out.Port, out.Longer = f.port, f.longer
	return out, nil
}

func (f *explainFlags) check(files []string) error {
	views := 0
	for _, is := range []bool{f.json, f.csv, f.ladder != ""} {
		if is {
			views++
		}
	}
	switch {
	case views > 1:
		return usagef("--json, --csv and --ladder are three views; give one of them")
	case f.merge:
		return f.checkMerge()
	case f.partial != "" && (views > 0 || f.report != ""):
		return usagef("--partial writes a file instead of a report; leave out --json, --csv, --ladder and --report, or give them to --merge")
	case f.partial != "" && f.ports != "":
		return usagef("--port-range is for the forecast, which --merge makes; give it there")
	case f.report != "" && f.ladder != "":
		return usagef("--report is about the capture, and --ladder about one connection; give one of them")
	case f.follow && len(files) > 1:
		return usagef("--follow reads one file; %d are given", len(files))
	case f.live.write != "" && slices.Contains([]string{f.partial, f.report, f.pcapng}, f.live.write):
		return usagef("--write %s: another flag names this file, too; name two", f.live.write)
	case f.follow && f.live.iface != "":
		return usagef("--follow is for files; -i waits for more by itself")
	case f.live.reasons == reasonsOn && (f.csv || f.ladder != "" || f.partial != ""):
		return usagef("--reasons on: text and --json show the kernel's reasons; leave out --csv, --ladder and --partial")
	}
	return f.live.check()
}

// waits reports whether more packets may come.
func (f *explainFlags) waits() bool { return f.follow || f.live.iface != "" }

// view is how the connections and the summary are shown.
type view struct {
	opt   explain.Options
	close func(*explain.Summary) error
	live  bool // the packets come from an interface
	news  bool // and findings are shown now and then
	// kernel tells that what the kernel says of a connection is shown.
	kernel bool
}

// view chooses one by the flags.
func (f *explainFlags) view() (*view, error) {
	v := &view{live: f.live.iface != ""}
	var err error
	if v.opt.Filter, err = f.filter(); err != nil {
		return nil, err
	}
	if f.ports != "" {
		if v.opt.Ports, err = explain.ParsePortRange(f.ports); err != nil {
			return nil, usagef("--port-range: %v", err)
		}
	}
	switch {
	case f.json:
		j := explain.NewJSON(os.Stdout)
		v.close, v.opt.Lines, v.kernel = j.Close, true, true
		v.each(j.Each, j.Flush, f.waits())
	case f.csv:
		t := explain.NewCSV(os.Stdout)
		v.close = func(*explain.Summary) error { return t.Flush() }
		v.each(t.Each, t.Flush, f.waits())
	case f.ladder != "":
		return v, v.drawOne(f.ladder)
	case f.partial != "":
		v.close = func(*explain.Summary) error { return nil }
	default:
		v.close = func(s *explain.Summary) error { return explain.WriteText(os.Stdout, s, look()) }
		if f.waits() {
			v.news, v.kernel = v.live, true
			v.opt.Closed = func(c *explain.Connection) error {
				_, err := fmt.Println(c.Line())
				return err
			}
		}
	}
	return v, nil
}

// each shows every connection: as it leaves, with its stragglers, or, where a capture is
// followed, as it closes.
func (v *view) each(show func(*explain.Connection) error, flush func() error, follow bool) {
	if !follow {
		v.opt.Each = show
		return
	}
	v.opt.Closed = func(c *explain.Connection) error { return errors.Join(show(c), flush()) }
	v.opt.Each = func(c *explain.Connection) error {
		if c.Over {
			return nil // it has been shown
		}
		return show(c)
	}
}

// memoryGoal is the size, in bytes, from which on the collector works harder than garbage
// says. It is no limit.
const memoryGoal = 84 << 20

// garbage is how much of it, in percent of what is in use, may gather. Hardly
// anything of what is allocated for counting ever becomes garbage, so that looking
// for some before memoryGoal is in vain; lines and documents are mostly that, and memory
// is dear.
func (v *view) garbage() int {
	if v.opt.Each == nil && v.opt.Closed == nil && v.opt.Packet == nil && v.opt.Partial == nil {
		return 1500
	}
	if v.opt.Partial != nil {
		return 15
	}
	return 30
}

// drawOne draws the connection that is chosen.
func (v *view) drawOne(text string) error {
	choice, err := explain.ParseChoice(text)
	if err != nil {
		return usagef("--ladder: %v", err)
	}
	found := 0
	v.opt.Chosen = []explain.Choice{choice}
	v.opt.Each = func(c *explain.Connection) error {
		if found++; found > 1 {
			return nil
		}
		_, err := fmt.Print(ladder.Render(&c.Report, ladder.Config{Color: colored(os.Stdout), Width: columns(os.Stdout)}))
		return err
	}
	v.close = func(s *explain.Summary) error {
		if found == 0 {
			return usagef("--ladder %s: there is no such connection among the %d asked for of %d (lastack explain --csv lists them)", text, s.Matching, s.Connections)
		}
		if found > 1 {
			fmt.Fprintf(os.Stderr, "lastack: %s is %d connections, of which this is the first to end; choose by number (lastack explain --csv lists them)\n", text, found)
		}
		return nil
	}
	return nil
}

func runExplain(ctx context.Context, f *explainFlags, files []string) error {
	if err := f.check(files); err != nil {
		return err
	}
	if f.merge {
		return runMerge(ctx, f, files)
	}
	v, err := f.view()
	if err != nil {
		return err
	}
	if f.live.iface != "" {
		return explainLive(ctx, f, v)
	}
	source, err := openCaptures(ctx, files, f.follow)
	if err != nil {
		return err
	}
	defer source.close()
	if f.pcapng != "" {
		if err := source.annotate(v, f.pcapng); err != nil {
			return err
		}
	}
	out, err := f.files(v, files)
	if err != nil {
		return err
	}
	defer out.abort()
	debug.SetGCPercent(v.garbage())
	debug.SetMemoryLimit(memoryGoal)
	a := explain.New(v.opt)
	damage := a.ReadAll(source.Source)
	sum, err := a.Summary()
	switch {
	case err != nil:
		return err
	case damage != nil && sum.Packets == 0:
		return usage(damage)
	}
	if ctx.Err() != nil && !f.follow {
		sum.Warn("interrupted after %d packets", sum.Packets)
	}
	for _, f := range source.files {
		sum.SkippedRecords(f.Skipped(), f.SkippedKinds())
	}
	warnAll(sum)
	if err := errors.Join(v.close(sum), out.finish(ctx, a, sum)); err != nil || damage == nil {
		return err
	}
	return &exitError{code: exitUsage} // what there is to say is among the warnings
}

// warn prints a warning, parts of which (names of files and interfaces, what a partial says)
// others chose.
func warn(what string) { fmt.Fprintln(os.Stderr, "lastack: warning: "+term.Escape(what)) }

func warnAll(sum *explain.Summary) {
	for _, w := range sum.Warnings {
		warn(w)
	}
}

// look is how a summary looks on standard output.
func look() explain.Look { return explain.Look{Color: colored(os.Stdout), Columns: columns(os.Stdout)} }
