package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"

	"lastack/harness/host/control"
	"lastack/harness/lab/sockstat"
	"lastack/harness/term/screen"

	"github.com/spf13/cobra"
)

// ssFlags are what the command was asked for, besides the filter.
type ssFlags struct {
	socket                 string
	all, listening, timers bool
	info                   bool
	summary, noHeader, js  bool
	only4, only6           bool
}

func ssCommand() *cobra.Command {
	var f ssFlags
	c := &cobra.Command{
		Use:   "ss [-tanloisH46] [FILTER]",
		Short: "List the sockets of a running host, as ss(8) does the kernel's",
		Long: `ss lists the TCP sockets of a host that "lastack serve" runs, in the columns of
ss(8) and with its flags and filters:

  lastack ss -tan
  lastack ss -tano state time-wait dst 10.77.0.1
  lastack ss -tn '( sport = :80 or sport = :443 )' and not dst 10.77.0.0/24
  lastack ss -s

As with ss(8), TIME-WAIT and SYN-RECV show only with -a or where a state is named.
Names of states may be spelled as ss prints them (TIME-WAIT), as netstat does
(TIME_WAIT) or as RFC 9293 does; the groups connected, synchronized, bucket and
big are known too. Send-Q of a connection is always 0, as netstack does not tell
it, and Recv-Q does not count the FIN, as Linux does.

Exit status: 0, 2 for a filter that makes no sense, 3 if no host answers.`,
		Args:                  cobra.ArbitraryArgs,
		DisableFlagsInUseLine: true,
	}
	l := c.Flags()
	l.BoolVarP(&f.all, "all", "a", false, "listeners and connections in every state")
	l.BoolVarP(&f.listening, "listening", "l", false, "listeners only")
	l.BoolVarP(&f.timers, "options", "o", false, "show the timer that runs")
	l.BoolVarP(&f.info, "info", "i", false, "show whether there are timestamps, and data came with the SYN (Fast Open)")
	l.BoolVarP(&f.summary, "summary", "s", false, "show numbers only")
	l.BoolVarP(&f.noHeader, "no-header", "H", false, "no line of headings")
	l.BoolVarP(&f.only4, "ipv4", "4", false, "IPv4 sockets only")
	l.BoolVarP(&f.only6, "ipv6", "6", false, "IPv6 sockets only")
	l.BoolP("tcp", "t", false, "TCP sockets, of which all are")
	l.BoolP("numeric", "n", false, "numbers for ports, which they always are")
	l.BoolP("processes", "p", false, "show processes, of which a host has none")
	l.BoolVar(&f.js, "json", false, "print one JSON document")
	socketFlag(c, &f.socket)
	c.RunE = func(c *cobra.Command, args []string) error {
		filter, err := f.filter(args)
		if err != nil {
			return usagef("%w; see: %s --help", err, c.CommandPath())
		}
		host := control.NewClient(f.socket)
		if f.summary {
			return f.summarize(c.Context(), c.OutOrStdout(), host)
		}
		return f.list(c.Context(), c.OutOrStdout(), host, filter)
	}
	return c
}

func (f *ssFlags) filter(args []string) (*sockstat.Filter, error) {
	which := sockstat.Connections
	switch {
	case f.listening:
		which = sockstat.Listening
	case f.all:
		which = sockstat.All
	}
	filter, err := sockstat.ParseFilter(args, which)
	if err != nil {
		return nil, err
	}
	switch {
	case f.only4 && !f.only6:
		filter.Family = 4
	case f.only6 && !f.only4:
		filter.Family = 6
	}
	return filter, nil
}

func (f *ssFlags) summarize(ctx context.Context, w io.Writer, host *control.Client) error {
	s, err := host.Summary(ctx)
	switch {
	case err != nil:
		return clientError(err)
	case f.js:
		return writeJSON(w, s)
	}
	return s.Write(w, terminalColumns(os.Stdout))
}

// list prints sockets as they come, so that there may be any number.
func (f *ssFlags) list(ctx context.Context, w io.Writer, host *control.Client, filter *sockstat.Filter) error {
	var out socketPrinter = sockstat.NewTable(w, sockstat.TableOptions{
		NoHeader: f.noHeader, NoState: filter.Single() != "", Timers: f.timers, Info: f.info,
		Columns: terminalColumns(os.Stdout),
	})
	if f.js {
		out = newSocketJSON(w)
	}
	state := ""
	if len(filter.States) == 1 {
		state = filter.States[0]
	}
	var unwritten error
	err := host.Sockets(ctx, state, func(s *sockstat.Socket) error {
		if filter.Match(s) {
			unwritten = out.Add(s)
		}
		return unwritten
	})
	switch {
	case unwritten != nil:
		return unwritten
	case err != nil:
		return clientError(err)
	}
	return out.Flush()
}

// terminalColumns is how wide a table may be that programs read, too: 0, any width, for a
// file that is no terminal.
func terminalColumns(f *os.File) int {
	if !terminal(f) {
		return 0
	}
	n, ok := screen.Columns(f)
	if !ok {
		return 0
	}
	return max(n, fewestColumns)
}

// socketPrinter is a table, or JSON.
type socketPrinter interface {
	Add(*sockstat.Socket) error
	Flush() error
}

// socketJSON prints {"sockets": [...]}, a socket a line.
type socketJSON struct {
	w    *bufio.Writer
	lead string
}

func newSocketJSON(w io.Writer) *socketJSON {
	return &socketJSON{w: bufio.NewWriter(w), lead: "{\"sockets\": [\n"}
}

func (p *socketJSON) Add(s *sockstat.Socket) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, _ = p.w.WriteString(p.lead) // a bufio.Writer's error stays
	p.lead = ",\n"
	_, err = p.w.Write(b)
	return err
}

func (p *socketJSON) Flush() error {
	end := "\n]}\n"
	if p.lead != ",\n" {
		end = "{\"sockets\": []}\n"
	}
	_, _ = p.w.WriteString(end)
	return p.w.Flush()
}
