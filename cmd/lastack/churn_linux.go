package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"lastack/harness/experiment"
	"lastack/harness/experiment/churn"

	"github.com/spf13/cobra"
)

// churnFlags is what the command line says before it is understood.
type churnFlags struct {
	cfg       churn.Config
	ports     int
	portRange string
	msl       int
	json      bool
}

func churnCommand() *cobra.Command {
	var f churnFlags
	c := &cobra.Command{
		Use:   "churn [MODE...]",
		Short: "Run a client out of ports with short connections, and what helps",
		Long: `churn makes many short connections from few ports to one server, in network
namespaces made for it, and counts which of them find no port. The subject is
the side whose ports run out: lastack as the client of a kernel server, and the
kernel as the client of lastack. The modes, all of them unless some are named:

  client-first   the client closes first, and is left with TIME_WAIT
  server-first   the server closes first
  keep-alive     one connection for all requests
  pool=N         N connections for all requests (pool: 10)
  tw-reuse       client-first with net.ipv4.tcp_tw_reuse=1, at one connection
                 for each port and second
  wider          client-first with twice the ports

It needs root, or user namespaces and a readable /dev/net/tun. It leaves nothing
behind. Exit status: 0 if every mode shows what it is expected to, 1 if not, 3 if
the machine does not have something ("lastack doctor" says more).`,
		Args: cobra.ArbitraryArgs,
	}
	l := c.Flags()
	l.StringSliceVar(&f.cfg.Subjects, "subject", experiment.Subjects(), "whose client is examined")
	l.IntVar(&f.ports, "ports", 100, "how many ports the client has")
	l.StringVar(&f.portRange, "port-range", "", "which ports the client has: `LOW:HIGH`")
	l.IntVar(&f.cfg.Connections, "connections", 0, "connections to attempt (default: three times the ports, or no bound with --duration)")
	l.Float64Var(&f.cfg.Rate, "rate", 0, "connections to begin per second (default: as many as possible)")
	l.DurationVar((*time.Duration)(&f.cfg.Duration), "duration", 0, "begin none after this time in each mode")
	l.IntVar(&f.cfg.Workers, "workers", 4, "connections open at once, up to a tenth of the ports")
	l.IntVar(&f.msl, "msl-ms", 30_000, "lastack.msl_ms: TIME_WAIT lasts twice as long on lastack; the kernel's is fixed")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	c.RunE = func(c *cobra.Command, args []string) error {
		if l.Changed("ports") && l.Changed("port-range") {
			return usagef("--ports and --port-range both say which ports the client has; give one of them")
		}
		if err := f.complete(args); err != nil {
			return usage(err)
		}
		return inLab(c.Context(), func(ctx context.Context) error { return runChurn(ctx, c.OutOrStdout(), &f) })
	}
	return c
}

// complete makes a configuration of the flags.
func (f *churnFlags) complete(modes []string) error {
	for _, text := range modes {
		m, err := churn.ParseMode(text)
		if err != nil {
			return err
		}
		f.cfg.Modes = append(f.cfg.Modes, m)
	}
	f.cfg.Ports = experiment.PortCount(f.ports)
	if f.portRange != "" {
		var err error
		if f.cfg.Ports, err = experiment.ParsePorts(f.portRange); err != nil {
			return err
		}
	}
	if f.msl < 1 || f.msl > 240_000 {
		return fmt.Errorf("--msl-ms %d is out of range; give 1 to 240000", f.msl)
	}
	f.cfg.MSL = time.Duration(f.msl) * time.Millisecond
	return f.cfg.Complete()
}

func runChurn(ctx context.Context, w io.Writer, f *churnFlags) error {
	say, stop := newProgress().latest()
	f.cfg.Progress = func(p experiment.Progress) { say(churnProgress(p)) }
	results, err := churn.Run(ctx, f.cfg)
	stop()
	if err != nil {
		return interrupted(ctx, w, err, "", cutResults(f.json, results))
	}
	if f.json {
		err = writeJSON(w, resultsDocument[churn.Result]{Results: results, Passed: churn.Passed(results)})
	} else {
		err = churn.Write(w, results, colored(os.Stdout), columns(os.Stdout))
	}
	if err == nil && !churn.Passed(results) {
		err = &exitError{code: exitFailed}
	}
	return err
}

// churnProgress is how far a mode is, in a line.
func churnProgress(p experiment.Progress) string {
	return fmt.Sprintf("%s, %s as the client: %d made, %d failed after %.0f s",
		p.Experiment, p.Subject, p.Made, p.Failed, p.Elapsed.Seconds())
}
