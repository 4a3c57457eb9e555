package main

import (
	"encoding/json"
	"io"
	"os"

	"lastack/harness/term"
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
	everyCommand(root, func(c *cobra.Command) {
		if args := c.Args; args != nil && c.HasParent() {
			c.Args = func(c *cobra.Command, a []string) error { return argsError(c, a, args(c, a)) }
		}
	})
	return root
}

// unknownCommand names the command that was most likely meant.
func unknownCommand(c *cobra.Command, name string) error {
	if near, ok := term.Nearest(name, commandNames(c)); ok {
		return usagef("unknown command %s; did you mean %q?", term.Excerpt(name), near)
	}
	return usagef("unknown command %s; \"%s help\" lists them", term.Excerpt(name), c.CommandPath())
}

func commandNames(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	return names
}

// helpCommand is cobra's, but a command that does not exist is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			at, _, err := c.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(at), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			at, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(at, rest[0])
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
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
