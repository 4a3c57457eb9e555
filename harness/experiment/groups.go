package experiment

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"lastack/harness/term/paragraph"
)

// Group is a part of the corpus, by the names of its experiments.
type Group struct {
	Name, Doc string
	patterns  []string
}

// others is the group of what is in no other.
const others = "other"

// Groups are all parts of the corpus; an experiment may be in several.
func Groups() []Group {
	return []Group{
		{"basic", "closes as they are in textbooks, server and client first", []string{
			"three-way", "four-way-*", "server-first", "simultaneous", "fin-with-data", "fin-alone", "http-short", "slow-closer-*",
		}},
		{"time-wait", "TIME_WAIT: how long, what ends it, what it answers", []string{"time-wait-*", "old-data-*", "tw-recycle-*", "*-time-wait"}},
		{"close-wait", "servers that do not close", []string{"close-wait-*", "linger-0-close-wait"}},
		{"fin-wait-2", "clients that closed first, and servers that do not", []string{"fin-wait-2-*", "fin-after-fin-wait-2"}},
		{"half-close", "data after the first FIN", []string{"half-close-*", "nc-half-close", "keep-alive-push", "shut-read", "data-after-close"}},
		{"reset", "closes by RST", []string{"linger-0*", "unread-data*", "data-after-close", "fin-wait-2-data"}},
		{"loss", "closes on a wire that loses, delays or repeats segments", []string{
			"*-lost", "*-lost-*", "*-never*", "*-twice*", "fin-before-data", "simultaneous",
		}},
		{"forged", "segments that a third party made up", []string{"forged-*", "time-wait-rst*"}},
		{"ports", "running out of ports, and what helps", []string{"port-*", "ports-*", "time-wait-reuse-syn"}},
		{"http", "HTTP over connections that are kept, or not", []string{"http-*"}},
		{"fast-open", "TCP Fast Open and closing", []string{"fast-open-*"}},
		{"through", "a proxy or NAT between client and server", []string{"*-through-*", "nat-*"}},
		{others, "what is in no other group", nil},
	}
}

// Within reports whether an experiment is in the group.
func (g *Group) Within(e *Experiment) bool {
	if g.Name != others {
		return slices.ContainsFunc(g.patterns, func(p string) bool { ok, _ := path.Match(p, e.Name); return ok })
	}
	for _, o := range Groups() {
		if o.Name != others && o.Within(e) {
			return false
		}
	}
	return true
}

// ByGroup sorts experiments by the first group that each is in, without changing the order
// within a group.
func ByGroup(all []*Experiment) []*Experiment {
	var order []string
	for _, g := range Groups() {
		order = append(order, g.Name)
	}
	return slices.SortedStableFunc(slices.Values(all), func(a, b *Experiment) int {
		return slices.Index(order, a.group().Name) - slices.Index(order, b.group().Name)
	})
}

// group is the first that the experiment is in.
func (e *Experiment) group() Group {
	for _, g := range Groups() {
		if g.Within(e) {
			return g
		}
	}
	return Group{Name: others} // not reached: what is in no other is in that
}

// InGroup is the part of the corpus that is in the group of that name.
func InGroup(name string) (all []*Experiment, err error) {
	groups := Groups()
	i := slices.IndexFunc(groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no group %s; %s", quote(name), suggest(name, GroupNames()))
	}
	for _, e := range Corpus() {
		if groups[i].Within(e) {
			all = append(all, e)
		}
	}
	return all, nil
}

// GroupNames are the names of all groups.
func GroupNames() (names []string) {
	for _, g := range Groups() {
		names = append(names, g.Name)
	}
	return names
}

// WriteGroups writes what groups there are, and how many experiments are in each,
// on a terminal of so many columns (0: paragraph.Columns).
func WriteGroups(w io.Writer, columns int) error {
	var b strings.Builder
	for _, g := range Groups() {
		in, err := InGroup(g.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s (%d)\n%s", g.Name, len(in), paragraph.Hanging(g.Doc, "    ", columns))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// matching are the experiments whose names match a pattern as of path.Match.
func matching(pattern string) (all []*Experiment, err error) {
	for _, e := range Corpus() {
		ok, err := path.Match(pattern, e.Name)
		if err != nil {
			return nil, fmt.Errorf("the pattern %s: a bracket is not closed; * stands for any letters, ? for one", quote(pattern))
		}
		if ok {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no experiment's name matches %s; \"lastack list\" lists them", quote(pattern))
	}
	return all, nil
}
