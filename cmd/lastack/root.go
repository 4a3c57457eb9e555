package main

import (
	"encoding/json"
	"io"
	"os"

	"lastack/harness/term/screen"

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
	}
	root.SetFlagErrorFunc(flagError)
	root.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(c, args[0])
		}
		return nil
	}
	root.Flags().Bool("version", false, "say which version this is, as \"lastack version\" does")
	root.RunE = func(c *cobra.Command, _ []string) error {
		if asked, err := c.Flags().GetBool("version"); err != nil || asked {
			return writeVersion(c.OutOrStdout(), false)
		}
		return c.Help()
	}
	for _, c := range append(commands(), versionCommand(), manCommand()) {
		root.AddCommand(c)
	}
	root.SetHelpCommand(helpCommand())
	root.InitDefaultCompletionCmd()
	complete(root)
	narrowHelp(root, columns(os.Stdout))
	everyCommand(root, func(c *cobra.Command) {
		if args := c.Args; args != nil && c.HasParent() {
			c.Args = func(c *cobra.Command, a []string) error { return argsError(c, a, args(c, a)) }
		}
	})
	return root
}

// colored reports whether a file may be written to in colour: it is a terminal,
// and NO_COLOR (no-color.org) is not set.
func colored(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	return terminal(f)
}

// Text is as wide as the terminal, within these bounds.
const (
	defaultColumns = 80
	fewestColumns  = 40
	mostColumns    = 100
)

// columns is how wide the text that goes to a file may be.
func columns(f *os.File) int {
	n, ok := screen.Columns(f)
	if !ok {
		return defaultColumns
	}
	return min(max(n, fewestColumns), mostColumns)
}

// terminal reports whether somebody watches a file being written.
func terminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// writeJSON writes one document for --json.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
