package main

import (
	"regexp"
	"strings"

	"lastack/harness/term"
	"lastack/harness/term/paragraph"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

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

// narrowHelp breaks the help texts, which are written for 80 columns, for a terminal that
// has fewer.
func narrowHelp(root *cobra.Command, columns int) {
	if columns >= defaultColumns {
		return
	}
	cobra.AddTemplateFunc("flagsWithin", func(f *pflag.FlagSet) string { return f.FlagUsagesWrapped(columns) })
	cobra.AddTemplateFunc("shortWithin", func(name, short string) string {
		return strings.TrimSpace(paragraph.Hanging(short, "  "+name+" ", columns))
	})
	template := strings.ReplaceAll(root.UsageTemplate(), "{{rpad .Name .NamePadding }} {{.Short}}", "{{shortWithin (rpad .Name .NamePadding) .Short}}")
	template = strings.ReplaceAll(template, ".LocalFlags.FlagUsages", "flagsWithin .LocalFlags")
	template = strings.ReplaceAll(template, " for more information about a command.", "\nsays more about a command.")
	root.SetUsageTemplate(strings.ReplaceAll(template, ".InheritedFlags.FlagUsages", "flagsWithin .InheritedFlags"))
	everyCommand(root, func(c *cobra.Command) { c.Long = within(c.Long, columns) })
}

// entry is a line with a name, blanks, and words about it.
var entry = regexp.MustCompile(`^(\s+\S.*?\s{2,})(\S.*)$`)

// within breaks the paragraphs of a text. Lines that are indented stay lines: commands
// whole, to be copied, and words about a name beside it.
func within(text string, columns int) string {
	var b strings.Builder
	var prose []string
	flush := func() {
		if len(prose) > 0 {
			b.WriteString(paragraph.Hanging(strings.Join(prose, " "), "", columns))
		}
		prose = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		body := strings.TrimLeft(line, " ")
		switch indent := line[:len(line)-len(body)]; {
		case body != "" && indent == "":
			prose = append(prose, line)
		case len(line) > columns && !strings.HasPrefix(body, "lastack ") && !strings.HasPrefix(body, "sudo "):
			flush()
			if m := entry.FindStringSubmatch(line); m != nil && len(m[1]) < columns/2 {
				indent, body = m[1], m[2]
			}
			b.WriteString(paragraph.Hanging(body, indent, columns))
		default:
			flush()
			b.WriteString(line + "\n")
		}
	}
	flush()
	return strings.TrimRight(b.String(), "\n")
}
