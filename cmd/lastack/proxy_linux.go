package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lastack/harness/check"
	"lastack/harness/check/proxy"
	"lastack/harness/term"
	"lastack/harness/term/paragraph"

	"github.com/spf13/cobra"
)

// proxyFlags is what the command line says.
type proxyFlags struct {
	cfg             proxy.Config
	through         string
	socks5, connect bool
	out             checkFlags
}

// checkFlags are those of every command that prints checks.
type checkFlags struct {
	known   []string
	json    bool
	ladders bool
	report  string
}

func (f *checkFlags) add(c *cobra.Command) {
	l := c.Flags()
	l.StringSliceVar(&f.known, "known", nil, "checks that may differ without failing the command: `NAME,...`")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	l.BoolVarP(&f.ladders, "ladders", "v", false, "draw the connections of every check, not only of those that differ")
	l.StringVar(&f.report, "report", "", "write a page about the checks to `FILE`.html")
}

func proxyCommand() *cobra.Command {
	var f proxyFlags
	c := &cobra.Command{
		Use:   "proxy [flags] -- COMMAND [ARG...]",
		Short: "What a proxy does to half-closes, resets, idle connections, its sockets",
		Long: `proxy starts a TCP proxy between a client and a server, each in a network namespace
of its own, opens connections through it, closes them in every way, and says what
arrives at the other side: pass where an application notices no difference from a
direct connection, differs where it does, and what that breaks. Both legs are
captured; a difference is shown with the ladders of both, -v shows all.

{LISTEN_HOST}, {LISTEN_PORT}, {SERVER_HOST} and {SERVER_PORT} anywhere in the
command's arguments are replaced by where it is to listen and to connect to; they
are in its environment, too, and never change: ` + proxy.Addresses() + `.
The checks begin when something listens there:

  lastack proxy -- socat TCP-LISTEN:{LISTEN_PORT},fork,reuseaddr TCP:{SERVER_HOST}:{SERVER_PORT}

--through says what the command is: with socks5 (or --socks5) and connect (or --connect)
the client asks the proxy for the server first, with tcp, the default, the proxy knows its
server. With --through nat nftables stands in the middle, and nothing is started.

` + wrapped("Checks: "+strings.Join(proxy.Names(), ", ")+".") + `

It needs root or user namespaces. It leaves nothing behind. Exit status: 0 if nothing
differs but what --known names, 1 if something does or the command is no proxy, 2 for
bad usage, 3 if the command or something of the machine is missing.`,
		Args: cobra.ArbitraryArgs,
	}
	l := c.Flags()
	l.SetInterspersed(false) // what follows the command is the command's
	l.DurationVar(&f.cfg.Patience, "patience", 0, "how long to leave connections alone, to see whether they are cut (default 3s)")
	l.DurationVar(&f.cfg.Ready, "ready", 0, "how long the command may take until it listens (default 10s)")
	l.StringSliceVar(&f.cfg.Only, "only", nil, "make these checks alone: `NAME,...`")
	l.StringVar(&f.through, "through", "", "what is in the middle, `KIND`: tcp, socks5 or connect, a command of that kind; or nat (default tcp)")
	l.BoolVar(&f.socks5, "socks5", false, "as --through socks5: the client asks for the server by SOCKS5 (RFC 1928)")
	l.BoolVar(&f.connect, "connect", false, "as --through connect: the client asks for the server by HTTP CONNECT (RFC 9110)")
	f.out.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.complete(args); err != nil {
			return usage(err)
		}
		return inLab(c.Context(), func(ctx context.Context) error { return runProxy(ctx, c.OutOrStdout(), &f) })
	}
	return c
}

// wrapped breaks a text into lines for the help.
func wrapped(text string) string { return strings.Join(paragraph.Lines(text, 84), "\n") }

// complete makes a configuration of the flags.
func (f *proxyFlags) complete(args []string) error {
	f.cfg.Command = args
	switch {
	case f.socks5 && f.connect:
		return errors.New("--socks5 and --connect both say how the client asks for the server; give one of them")
	case f.socks5 && f.through == "":
		f.through = "socks5"
	case f.connect && f.through == "":
		f.through = "connect"
	}
	switch f.through {
	case "", "tcp":
	case "nat":
		f.cfg.NAT = true
	case "socks5":
		f.cfg.Speak = proxy.SOCKS5
	case "connect":
		f.cfg.Speak = proxy.Connect
	default:
		return fmt.Errorf("--through %q: there are tcp, socks5, connect and nat", f.through)
	}
	if f.socks5 && f.through != "socks5" || f.connect && f.through != "connect" {
		return fmt.Errorf("--through %s says what is in the middle, and it is another than --socks5 and --connect say; give one of them", f.through)
	}
	if err := f.cfg.Validate(); err != nil {
		return err
	}
	if err := check.Names("--known", f.out.known, proxy.Names()); err != nil {
		return err
	}
	return writable(f.out.report)
}

func runProxy(ctx context.Context, w io.Writer, f *proxyFlags) error {
	p := newProgress()
	text := check.Text{W: p.above(w), Color: colored(os.Stdout), Columns: columns(os.Stdout), Ladders: f.out.ladders}
	var course checksCourse
	stop := p.follow(course.String)
	f.cfg.Begin = course.begin
	f.cfg.Done = func(c *check.Check) {
		if !f.out.json {
			one := []check.Check{*c}
			check.MarkKnown(one, f.out.known)
			text.Write(&one[0])
		}
	}
	r, err := proxy.Run(ctx, f.cfg)
	stop()
	page := check.Page{Title: "What is in the middle", Facts: [][2]string{{"proxy", f.subject(r)}, {"patience", f.cfg.Patience.String()}}}
	if err != nil {
		return f.out.cut(ctx, w, err, page, r.Checks)
	}
	return f.out.finish(w, text, page, r.Checks)
}

// subject is what was checked, in a line.
func (f *proxyFlags) subject(r *proxy.Result) string {
	if f.cfg.NAT {
		return "nftables NAT"
	}
	return term.Escape(strings.Join(r.Command, " "))
}

// cut is the error of checks that ended early, after the document and the page about those
// that were made.
func (f *checkFlags) cut(ctx context.Context, w io.Writer, err error, page check.Page, checks []check.Check) error {
	check.MarkKnown(checks, f.known)
	page.Facts = append(page.Facts, [2]string{"the other checks", unrun(ctx, err)})
	unwritten := f.write(page, checks)
	var doc any
	if f.json {
		doc = check.CutJSON(checks)
	}
	return errors.Join(interrupted(ctx, w, err, "", doc), unwritten)
}

// write writes the page, if one is asked for.
func (f *checkFlags) write(page check.Page, checks []check.Check) error {
	if f.report == "" {
		return nil
	}
	return writeWhole(f.report, func(w io.Writer) error { return check.HTML(w, page, checks) })
}

// finish prints what is left to print about checks, writes the page, and makes the exit
// status.
func (f *checkFlags) finish(w io.Writer, text check.Text, page check.Page, checks []check.Check) (err error) {
	check.MarkKnown(checks, f.known)
	if f.json {
		err = writeJSON(w, check.JSON(checks))
	} else {
		text.Summary(checks)
	}
	if err = errors.Join(err, f.write(page, checks)); err == nil && !check.Passed(checks) {
		err = &exitError{code: exitFailed}
	}
	return err
}
