package main

import (
	"strconv"
	"strings"

	"lastack/harness/app"
	"lastack/harness/bench"
	"lastack/harness/experiment"
	"lastack/harness/experiment/churn"
	"lastack/harness/experiment/claims"
	"lastack/harness/lab/sockstat"
	"lastack/stack/tunable"

	"github.com/spf13/cobra"
)

// completeLinux is about the commands that there are on Linux alone.
func completeLinux(root *cobra.Command) {
	args := func(command string, f cobra.CompletionFunc) {
		c, _, err := root.Find([]string{command})
		if err != nil {
			panic(err) // the name is a constant
		}
		c.ValidArgsFunction = f
	}
	args("run", offerExperiments)
	args("list", offerExperiments)
	args("churn", offer(modes()...))
	args("bench", offer(bench.Groups...))
	args("ss", offerFilter)
	args("sysctl", offerTunables)
	for _, command := range []string{"run", "claims", "churn"} {
		completeFlag(root, command, "subject", offerSubjects(command == "run"))
	}
	for _, command := range []string{"run", "list"} {
		completeFlag(root, command, "group", offer(groups()...))
	}
	completeFlag(root, "monitor", "reasons", offer(reasonsModes...))
	completeFlag(root, "claims", "claim", offer(claimNumbers()...))
	for _, command := range []string{"run", "serve"} {
		completeFlag(root, command, "set", offerBefore(tunables("=")...))
		completeFlag(root, command, "impair", offer("drop", "delay", "duplicate", "reorder", "corrupt"))
	}
	completeFlag(root, "serve", "app", offerApps)
	completeFlag(root, "serve", "tun", cobra.NoFileCompletions)
	completeFlag(root, "serve", "kernel-addr", cobra.NoFileCompletions)
	completeFlag(root, "serve", "host-addr", cobra.NoFileCompletions)
	completeFlag(root, "monitor", "alarm", offerBefore(alarms()...))
}

// offerExperiments offers the built-in experiments, and leaves the shell to offer files.
func offerExperiments(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := []cobra.Completion{cobra.CompletionWithDesc("all", "all of them")}
	for _, e := range experiment.Corpus() {
		words = append(words, cobra.CompletionWithDesc(e.Name, e.Question))
	}
	return words, cobra.ShellCompDirectiveDefault
}

// offerSubjects offers the built-in subjects, and where it makes sense files.
func offerSubjects(files bool) cobra.CompletionFunc {
	if files {
		return cobra.FixedCompletions(experiment.Subjects(), cobra.ShellCompDirectiveDefault)
	}
	return offer(experiment.Subjects()...)
}

func groups() (words []cobra.Completion) {
	for _, g := range experiment.Groups() {
		words = append(words, cobra.CompletionWithDesc(g.Name, g.Doc))
	}
	return words
}

func modes() (words []cobra.Completion) {
	for _, m := range churn.Modes() {
		words = append(words, m.String())
	}
	return words
}

func claimNumbers() (words []cobra.Completion) {
	for _, c := range claims.All() {
		words = append(words, cobra.CompletionWithDesc(strconv.Itoa(c.Number), c.Text))
	}
	return words
}

// tunables are their names, each with its default and with the ending behind the name.
func tunables(ending string) (words []cobra.Completion) {
	set := tunable.NewSet()
	for _, d := range tunable.All() {
		words = append(words, cobra.CompletionWithDesc(d.Name+ending, "default "+set.Text(d.ID)))
	}
	return words
}

// offerTunables offers names, which -w wants a value for.
func offerTunables(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if write, err := c.Flags().GetBool("write"); err == nil && write {
		return tunables("="), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return tunables(""), cobra.ShellCompDirectiveNoFileComp
}

// offerApps offers the kinds of app behind "PORT=".
func offerApps(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	if port, _, ok := strings.Cut(word, "="); ok {
		for _, k := range app.Kinds() {
			words = append(words, cobra.CompletionWithDesc(port+"="+k.Name, k.Doc))
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	for _, s := range app.Defaults() {
		words = append(words, s.String())
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// offerFilter offers the words of ss's filters, and behind "state" the states.
func offerFilter(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := []cobra.Completion{"state", "exclude", "dst", "src", "dport", "sport"}
	if n := len(args); n > 0 && (args[n-1] == "state" || args[n-1] == "exclude") {
		words = states()
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// states are those that ss and monitor know, and the groups of them.
func states() (words []cobra.Completion) {
	for _, s := range sockstat.States() {
		words = append(words, strings.ToLower(sockstat.SSName(s)))
	}
	return append(words, "all", "connected", "synchronized", "bucket", "big")
}

func alarms() (words []cobra.Completion) {
	for _, s := range append(states(), "ports-left") {
		words = append(words, s+"=")
	}
	return words
}
