package main

import (
	"io"
	"slices"

	"lastack/harness/experiment"

	"github.com/spf13/cobra"
)

func listCommand() *cobra.Command {
	var asJSON, groups bool
	var in []string
	c := &cobra.Command{
		Use:   "list [NAME|PATTERN...]",
		Short: "The built-in experiments, each with the question that it answers",
		Long: `list shows the built-in experiments that "lastack run" runs: name, the question
that each answers, and on which subject it is not run or that it is slow: all of
them, those whose names match ('time-wait-*'), or those of a group.`,
		Args: cobra.ArbitraryArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	c.Flags().StringArrayVar(&in, "group", nil, "show the group `NAME`; repeatable")
	c.Flags().BoolVar(&groups, "groups", false, "show what groups there are")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args)+len(in) == 0 {
			args = []string{"all"}
		}
		all, err := experiment.Select(args, in...)
		switch {
		case err != nil:
			return usage(err)
		case groups && asJSON:
			return groupsJSON(c.OutOrStdout())
		case groups:
			return experiment.WriteGroups(c.OutOrStdout())
		case asJSON:
			return listJSON(c.OutOrStdout(), all)
		}
		return experiment.WriteList(c.OutOrStdout(), all)
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
	Groups   []string `json:"groups"`
}

func listJSON(w io.Writer, all []*experiment.Experiment) error {
	out := []listed{}
	for _, e := range all {
		l := listed{Name: e.Name, Question: e.Question, Shows: e.Shows, Wrong: e.Wrong, Claims: e.Claims, Slow: e.Slow}
		if l.Claims == nil {
			l.Claims = []int{}
		}
		l.Subjects = slices.DeleteFunc(experiment.Subjects(), func(s string) bool { return e.Reason(s) != "" })
		for _, g := range experiment.Groups() {
			if g.Within(e) {
				l.Groups = append(l.Groups, g.Name)
			}
		}
		out = append(out, l)
	}
	return writeJSON(w, struct {
		Experiments []listed `json:"experiments"`
	}{out})
}

// grouped is a group in the JSON document.
type grouped struct {
	Name        string   `json:"name"`
	Doc         string   `json:"doc"`
	Experiments []string `json:"experiments"`
}

func groupsJSON(w io.Writer) error {
	out := []grouped{}
	for _, g := range experiment.Groups() {
		one := grouped{Name: g.Name, Doc: g.Doc, Experiments: []string{}}
		for _, e := range experiment.Corpus() {
			if g.Within(e) {
				one.Experiments = append(one.Experiments, e.Name)
			}
		}
		out = append(out, one)
	}
	return writeJSON(w, struct {
		Groups []grouped `json:"groups"`
	}{out})
}
