package main

import (
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// command is the command line's tree; each subcommand has a file of its own.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "lastack",
		Short: "A TCP host in userspace whose close path you can watch, tune and break",
		Long: `lastack is a TCP host in userspace, on a TUN device, whose close path you can
watch, tune and break. Unmodified kernel clients talk to it; it shows how each
connection closes, in how many segments, and why.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; see: %s --help", err, c.CommandPath())
	})
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	for _, c := range commands() {
		args := c.Args
		c.Args = func(c *cobra.Command, a []string) error { return usage(args(c, a)) }
		root.AddCommand(c)
	}
	rootArgs := root.Args
	root.Args = func(c *cobra.Command, a []string) error { return usage(rootArgs(c, a)) }
	return root
}

// colored reports whether a file may be written to in colour: it is a terminal,
// and NO_COLOR (no-color.org) is not set.
func colored(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// writeJSON writes one document for --json.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
