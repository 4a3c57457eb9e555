package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the manual pages, for whoever packages lastack.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages to a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return usagef("making the folder of the manual pages: %w", err)
			}
			root := command() // a tree of its own, whose texts may be changed
			root.DisableAutoGenTag = true
			forManual(root)
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "LASTACK", Section: "1", Source: "lastack"}, args[0]); err != nil {
				return fmt.Errorf("writing the manual pages: %w", err)
			}
			return nil
		},
	}
}

// forManual makes Markdown of each help text: lines that are indented stay lines.
func forManual(c *cobra.Command) {
	var b strings.Builder
	code := false
	for line := range strings.Lines(c.Long) {
		indented := strings.HasPrefix(line, "  ")
		if indented && !code {
			b.WriteString("\n")
		}
		if indented {
			line = "  " + line
		}
		code = indented || code && strings.TrimSpace(line) == ""
		b.WriteString(line)
	}
	c.Long = b.String()
	for _, sub := range c.Commands() {
		forManual(sub)
	}
}
