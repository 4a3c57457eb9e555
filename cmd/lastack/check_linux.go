package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"lastack/harness/check"
	"lastack/harness/check/service"
	"lastack/harness/term"

	"github.com/spf13/cobra"
)

// serviceFlags is what the command line says.
type serviceFlags struct {
	cfg  service.Config
	send string
	out  checkFlags
}

func checkCommand() *cobra.Command {
	var f serviceFlags
	c := &cobra.Command{
		Use:   "check HOST:PORT",
		Short: "How a service of your own closes: half-close, idle, keep-alive race, TIME_WAIT",
		Long: fmt.Sprintf(`check makes a few connections to a service, one at a time, and says how it closes
them: whether a FIN is answered by a FIN or a RST, who is left with TIME_WAIT, whether a
half-close behind a request loses the answer, and closing with data unread destroys it,
after how long idle connections are closed, and whether that was announced.

It makes at most %d connections from this machine, says how many before it starts, and
sends nothing but TEXT (with \r and \n for the ends of lines), once with up to 64 KB of
padding behind it. Check services that are yours. Where a packet socket may be opened,
the connections are captured as evidence, which -v draws; it needs no privileges
otherwise.

  lastack check 127.0.0.1:80 --send 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

%s

Exit status: 0 if nothing differs from an orderly close but what --known names, 1 if
something does or nobody lets it connect, 2 for bad usage.`, service.MaxConnections, wrapped("Checks: "+strings.Join(service.Names(), ", ")+".")),
		Args: cobra.ExactArgs(1),
	}
	l := c.Flags()
	l.BoolVar(&f.cfg.TLS, "tls", false, "speak TLS; the certificate is not verified")
	l.StringVar(&f.send, "send", "", "the request, `TEXT`; without it, less is checked")
	l.DurationVar(&f.cfg.Patience, "patience", 0, "how long to wait for an answer, and to leave a connection idle (default 10s)")
	l.StringSliceVar(&f.cfg.Only, "only", nil, "make these checks alone: `NAME,...`")
	f.out.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.complete(args[0]); err != nil {
			return usage(err)
		}
		return runCheck(c.Context(), c.OutOrStdout(), &f)
	}
	return c
}

// complete makes a configuration of the flags.
func (f *serviceFlags) complete(address string) (err error) {
	f.cfg.Address = address
	if f.cfg.Send, err = service.Unescape(f.send); err != nil {
		return err
	}
	if err := f.cfg.Validate(); err != nil {
		return err
	}
	if err := check.Names("--known", f.out.known, service.Names()); err != nil {
		return err
	}
	return writable(f.out.report)
}

func runCheck(ctx context.Context, w io.Writer, f *serviceFlags) error {
	connections := "1 connection"
	if n := f.cfg.Most(); n != 1 {
		connections = fmt.Sprintf("%d connections", n)
	}
	fmt.Fprintf(os.Stderr, "lastack check: at most %s to %s, one at a time; a wait takes up to %v\n",
		connections, term.Quote(f.cfg.Address), f.cfg.Patience)
	p := newProgress()
	var course checksCourse
	text := check.Text{W: p.above(w), Color: colored(os.Stdout), Columns: columns(os.Stdout), Ladders: f.out.ladders}
	f.cfg.Done = func(c *check.Check) {
		if !f.out.json {
			one := []check.Check{*c}
			check.MarkKnown(one, f.out.known)
			text.Write(&one[0])
		}
	}
	f.cfg.Begin = course.begin
	stop := p.follow(course.String)
	r, err := service.Run(ctx, f.cfg)
	stop()
	page := check.Page{Title: "How a service closes", Facts: [][2]string{
		{"service", term.Escape(f.cfg.Address)}, {"connections", fmt.Sprint(r.Connections)}, {"patience", f.cfg.Patience.String()},
	}}
	if err != nil {
		return f.out.cut(ctx, w, err, page, r.Checks)
	}
	if !r.Captured {
		fmt.Fprintf(os.Stderr, "lastack check: no ladders: %s\n", term.Escape(r.Why))
	}
	return f.out.finish(w, text, page, r.Checks)
}
