package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"lastack/harness/host/control"
	"lastack/harness/term"
	"lastack/stack/tunable"

	"github.com/spf13/cobra"
)

// sysctlFlags are what the command was asked for, besides names and values.
type sysctlFlags struct {
	socket                    string
	all, write, bare, doc, js bool
}

func sysctlCommand() *cobra.Command {
	var f sysctlFlags
	c := &cobra.Command{
		Use:   "sysctl [-n] NAME[=VALUE]... | -a | -d NAME...",
		Short: "Show and change the tunables of a running host",
		Long: `sysctl shows the tunables of a host that "lastack serve" runs, and changes them
while it runs, as sysctl(8) does with the kernel's. A name may be written with
slashes, net/ipv4/tcp_tw_reuse. Of several changes all are made or none, and
before anything is shown.

  lastack sysctl net.ipv4.tcp_tw_reuse
  lastack sysctl -w net.ipv4.tcp_tw_reuse=1 "net.ipv4.ip_local_port_range=20000 20099"
  lastack sysctl -d net.ipv4.tcp_fin_timeout

Exit status: 0 if all went well, 2 if there is no such tunable or it does not
take the value (then nothing has changed), 3 if no host answers.`,
		Args:                  cobra.ArbitraryArgs,
		DisableFlagsInUseLine: true,
	}
	l := c.Flags()
	l.BoolVarP(&f.all, "all", "a", false, "show all tunables")
	l.BoolVarP(&f.write, "write", "w", false, "every argument is NAME=VALUE; a NAME alone is refused")
	l.BoolVarP(&f.bare, "values", "n", false, "show values without names")
	l.BoolVarP(&f.doc, "doc", "d", false, "tell what a tunable does, its range and default; needs no host")
	l.BoolVar(&f.js, "json", false, "print one JSON document")
	socketFlag(c, &f.socket)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.check(args); err != nil {
			return usagef("%w; see: %s --help", err, c.CommandPath())
		}
		if f.doc {
			return document(c.OutOrStdout(), args, f)
		}
		r, err := parseRequest(args)
		if err != nil {
			return usage(err)
		}
		states, err := ask(c.Context(), control.NewClient(f.socket), r)
		if err != nil {
			return clientError(err)
		}
		return show(c.OutOrStdout(), states, f)
	}
	return c
}

// check refuses what contradicts itself, or asks for nothing.
func (f *sysctlFlags) check(args []string) error {
	switch {
	case f.all && (f.write || len(args) > 0):
		return errors.New("-a shows all tunables and takes no names or values")
	case f.doc && f.write:
		return errors.New("-d tells about tunables and -w changes them; give one of them")
	case f.doc && f.bare:
		return errors.New("-d tells about tunables and -n shows their values; give one of them")
	case !f.all && len(args) == 0:
		return errors.New("name a tunable, or give -a for all")
	}
	for _, arg := range args {
		switch isSetting := strings.Contains(arg, "="); {
		case f.write && !isSetting:
			return fmt.Errorf("%q: -w wants NAME=VALUE", arg)
		case f.doc && isSetting:
			return fmt.Errorf("%q: -d wants a NAME alone", arg)
		}
	}
	return nil
}

// request is what the arguments ask of the host.
type request struct {
	names    []string          // to show, in the order given; none is all
	reads    []string          // those of the names that nothing is written to
	settings []tunable.Setting // to write first
}

func parseRequest(args []string) (request, error) {
	var r request
	for _, arg := range args {
		name := arg
		if strings.Contains(arg, "=") {
			g, err := tunable.ParseSetting(arg)
			if err != nil {
				return r, err
			}
			name = g.Name
			r.settings = append(r.settings, g)
		} else {
			r.reads = append(r.reads, name)
		}
		r.names = append(r.names, name)
	}
	return r, nil
}

// ask writes, once it has seen that what is only read exists too, and returns the
// states of what was named.
func ask(ctx context.Context, host *control.Client, r request) ([]control.Tunable, error) {
	if len(r.names) == 0 {
		return host.Tunables(ctx)
	}
	if len(r.settings) > 0 {
		if _, err := read(ctx, host, r.reads); err != nil {
			return nil, err
		}
		if _, err := host.SetAll(ctx, r.settings); err != nil {
			return nil, err
		}
	}
	return read(ctx, host, r.names)
}

func read(ctx context.Context, host *control.Client, names []string) ([]control.Tunable, error) {
	states := make([]control.Tunable, len(names))
	for i, name := range names {
		var err error
		if states[i], err = host.Tunable(ctx, name); err != nil {
			return nil, err
		}
	}
	return states, nil
}

func show(w io.Writer, states []control.Tunable, f sysctlFlags) error {
	if f.js {
		return writeJSON(w, struct {
			Tunables []control.Tunable `json:"tunables"`
		}{states})
	}
	for _, t := range states {
		line := t.Name + " = " + t.Value
		if f.bare {
			line = t.Value
		}
		if _, err := fmt.Fprintln(w, term.Escape(line)); err != nil {
			return err
		}
	}
	return nil
}
