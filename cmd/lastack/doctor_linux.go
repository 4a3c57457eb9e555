package main

import (
	"os"

	"lastack/harness/lab"
	"lastack/harness/lab/doctor"

	"github.com/spf13/cobra"
)

func doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "What this machine can and cannot do, and how to fix it",
		Long: `doctor tries everything that lastack needs of a machine: the TUN device, network
namespaces, packet sockets, socket states, the clients. What is missing is named
with the command that fixes it. It changes nothing and leaves nothing behind.

Exit status: 0 if everything needed is there, 3 if not.`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if lab.Inside() {
			return doctor.Probe(c.Context(), c.OutOrStdout()) // this is doctor's own child
		}
		checks := doctor.Run(c.Context(), doctor.Options{})
		var err error
		if asJSON {
			err = writeJSON(c.OutOrStdout(), struct {
				Checks []doctor.Check `json:"checks"`
			}{checks})
		} else {
			err = doctor.Render(c.OutOrStdout(), checks, columns(os.Stdout))
		}
		if err == nil && len(doctor.Lacking(checks)) > 0 {
			err = &exitError{code: exitMissing}
		}
		return err
	}
	return c
}
