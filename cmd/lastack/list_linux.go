package main

import (
	"io"
	"slices"

	"lastack/harness/experiment"

	"github.com/spf13/cobra"
)

func listCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "The built-in experiments, each with the question that it answers",
		Long: `list shows the built-in experiments that "lastack run" runs: name, the question
that each answers, and on which subject it is not run or that it is slow.`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if asJSON {
			return listJSON(c.OutOrStdout())
		}
		return experiment.WriteList(c.OutOrStdout(), experiment.Corpus())
	}
	return c
}

// listed is an experiment in the JSON document.
type listed struct {
	Name     string   `json:"name"`
	Question string   `json:"question"`
	Shows    string   `json:"shows"`
	Wrong    string   `json:"wrong,omitempty"`
	Claims   []int    `json:"claims"`
	Slow     bool     `json:"slow"`
	Subjects []string `json:"subjects"`
}

func listJSON(w io.Writer) error {
	out := []listed{}
	for _, e := range experiment.Corpus() {
		l := listed{Name: e.Name, Question: e.Question, Shows: e.Shows, Wrong: e.Wrong, Claims: e.Claims, Slow: e.Slow}
		if l.Claims == nil {
			l.Claims = []int{}
		}
		l.Subjects = slices.DeleteFunc(experiment.Subjects(), func(s string) bool { return e.Reason(s) != "" })
		out = append(out, l)
	}
	return writeJSON(w, struct {
		Experiments []listed `json:"experiments"`
	}{out})
}
