package main

import (
	"lastack/harness/bench"

	"github.com/spf13/cobra"
)

// mostRecords bounds what "bench time-wait" builds: some 2 GB with the tuples.
const mostRecords = 16_000_000

func benchTimeWaitCommand() *cobra.Command {
	var records int
	var asJSON bool
	c := &cobra.Command{
		Use:   "time-wait",
		Short: "Memory and time of many connections in TIME_WAIT",
		Long: `time-wait fills the table that keeps TIME_WAIT on lastack, has each peer send its
FIN again, collects garbage, and lets 2MSL pass, on a clock of its own: bytes a
record, and the time each of these takes. No packet is sent. The default is what
10,000 connections a second leave behind in 60 seconds.`,
		Args: func(c *cobra.Command, args []string) error { return usage(cobra.NoArgs(c, args)) },
	}
	c.Flags().IntVar(&records, "records", 600_000, "how many connections")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if records < 1 || records > mostRecords {
			return usagef("--records %d: give a number from 1 to %d", records, mostRecords)
		}
		m, err := bench.MeasureTimeWait(records)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(c.OutOrStdout(), m)
		}
		return m.Render(c.OutOrStdout())
	}
	return c
}
