package main

import (
	"time"

	"lastack/harness/host/monitor"

	"github.com/spf13/cobra"
)

func monitorCommand() *cobra.Command {
	var cfg monitor.Config
	var socket string
	var alarms []string
	var kernel bool
	var export exportFlags
	c := &cobra.Command{
		Use:   "monitor",
		Short: "Watch the sockets of a running host, or of the kernel",
		Long: `monitor counts sockets by state, again and again, with the rate of change; for
the destinations that take most local ports, how many are taken and when none is
left at the present rate; and who holds connections in CLOSE-WAIT, and for how
long that has been seen.

It watches a host that "lastack serve" runs, or with --kernel the kernel, in the
network namespace it is started in. It needs no privileges; without, processes of
other users stay unknown.

It is what is usually a shell loop around ss -ant | grep TIME_WAIT | wc -l, which
counts nothing: ss prints TIME-WAIT, so the number is always 0 and the alarm never
fires. Nor is the number alone a forecast: TIME-WAIT drains while it fills, and
r connections closed a second settle at 60 r. The ports run out only if that is
more than there are (net.ipv4.ip_local_port_range: 28232 to one destination).

  lastack monitor --kernel --alarm time-wait=50000 --alarm ports-left=1000
  lastack monitor --interval 1s --count 10 --json

--alarm takes STATE=N, with states and groups of states as "lastack ss" does, and
alarms above N; or ports-left=N, and alarms below N. A line ALARM is printed when
the threshold is crossed.

--listen ADDR prints nothing but serves what it sees to Prometheus, at
http://ADDR/metrics, until Ctrl-C: sockets by state, local ports by destination with
the forecast, CLOSE-WAIT by process and age, the kernel's counters. It looks by
itself every --interval (15s), so no scrape waits and many cost no more than one.
--netns looks into other network namespaces instead, or with "all" into those of all
containers besides, labelled netns; it needs CAP_SYS_ADMIN. --top bounds the
destinations told apart; the rest is summed. --capture counts closes by kind and
cause, as explain -i does, and needs CAP_NET_RAW; with --reasons also connections that
were reset, by the kernel's own reason, as root. Rules and a dashboard are in
harness/host/prometheus.

  lastack monitor --kernel --listen :9817 --state /var/lib/lastack/monitor.json

--state keeps what was seen in a file: since when which connection is in CLOSE-WAIT,
and how many each process held in the last day. So a slow leak shows
("40 more than an hour ago"), also after a restart.

--json prints a JSON document a line, one for each interval, and one with the
summary at the end. Ctrl-C ends it with the summary.

Exit status: 0; with --count, 1 if there was an alarm; 2 for a threshold that
makes no sense; 3 if no host answers, or the machine does not allow what was asked.`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.DurationVar(&cfg.Interval, "interval", 5*time.Second, "time between looks")
	f.IntVar(&cfg.Count, "count", 0, "end after so many looks (0: never)")
	f.BoolVar(&kernel, "kernel", false, "watch the kernel instead of a host")
	f.StringArrayVar(&alarms, "alarm", nil, "alarm at `STATE=N` or ports-left=N; repeatable")
	f.BoolVar(&cfg.JSON, "json", false, "print lines of JSON")
	socketFlag(c, &socket)
	export.add(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg.Out = c.OutOrStdout()
		var err error
		if cfg.Alarms, err = parseEach(alarms, "--alarm", monitor.ParseAlarm); err != nil {
			return err
		}
		switch {
		case kernel && c.Flags().Changed("socket"):
			return usagef("--kernel watches the kernel, and --socket names a host; give one of them")
		case cfg.Interval <= 0:
			return usagef("--interval %v: give a time to wait, such as 5s", cfg.Interval)
		case cfg.Count < 0:
			return usagef("--count %d: give the number of looks, or 0 for no end", cfg.Count)
		}
		if err := export.check(kernel); err != nil {
			return err
		}
		if export.listen != "" {
			return export.run(c.Context(), socket, kernel, &cfg)
		}
		if cfg.Baseline, err = loadBaseline(export.state); err != nil {
			return err
		}
		cfg.State = export.state
		cfg.Source = monitor.NewHost(socket)
		sort := clientError
		if kernel {
			cfg.Source, sort = &monitor.Kernel{}, func(err error) error { return err }
		}
		sum, err := monitor.Run(c.Context(), cfg)
		switch {
		case err != nil:
			return sort(err)
		case cfg.Count > 0 && sum.Alarms > 0 && c.Context().Err() == nil:
			return &exitError{code: exitFailed}
		}
		return nil
	}
	return c
}
