package main

import (
	"net"
	"strings"

	"lastack/harness/explain"
	"lastack/harness/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// complete says what a shell may offer for the arguments and flags of every command.
func complete(root *cobra.Command) {
	completeLinux(root)
	var kinds []string
	for _, k := range explain.Kinds() {
		kinds = append(kinds, string(k))
	}
	completeFlag(root, "explain", "close", offer(kinds...))
	completeFlag(root, "explain", "interface", offerInterfaces)
	completeFlag(root, "explain", "reasons", offer(reasonsModes...))
	everyCommand(root, func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if _, has := c.GetFlagCompletionFunc(f.Name); !has && !strings.HasPrefix(f.Value.Type(), "string") {
				completes(c, f.Name, cobra.NoFileCompletions) // a number is in no file
			}
		})
	})
}

func everyCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		everyCommand(sub, do)
	}
}

// completeFlag sets the completion of a command's flag.
func completeFlag(root *cobra.Command, command, flag string, f cobra.CompletionFunc) {
	c, _, err := root.Find([]string{command})
	if err != nil {
		panic(err) // the name is a constant
	}
	completes(c, flag, f)
}

func completes(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // there is no such flag, or it has one already
	}
}

// offer offers words, and no files.
func offer(words ...cobra.Completion) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// offerBefore offers words that go on with what is behind an equals sign.
func offerBefore(names ...cobra.Completion) cobra.CompletionFunc {
	return cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
}

// offerInterfaces offers the network interfaces here, and any.
func offerInterfaces(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := []cobra.Completion{cobra.CompletionWithDesc("any", "all interfaces")}
	interfaces, err := net.Interfaces()
	if err != nil {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	for _, i := range interfaces {
		if term.Quote(i.Name) == i.Name { // a shell prints it
			words = append(words, i.Name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
