package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"lastack/harness/experiment"
	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
	"lastack/harness/teardown/page"
)

//go:embed *.html
var files embed.FS

// HTML writes a page about experiments and their results.
func HTML(w io.Writer, all []*experiment.Experiment, results []experiment.Result) error {
	return page.Execute(w, files, "experiments.html", newResultsPage(all, results))
}

// resultsPage is what the template is given.
type resultsPage struct {
	Title    string
	Entries  []*entry
	Groups   []*group
	Subjects []string
	Tallies  []tally
	// When is the time of the first segment.
	When string
}

// Strangers are the subjects that files describe, in words: empty if there is none.
func (p *resultsPage) Strangers() string {
	return strings.Join(slices.DeleteFunc(slices.Clone(p.Subjects), func(s string) bool {
		return slices.Contains(experiment.Subjects(), s)
	}), " and ")
}

// group is a part of the page.
type group struct {
	Title   string
	Verdict string
	Entries []*entry
}

// tally counts the verdicts on a subject.
type tally struct {
	Subject          string
	Pass, Fail, Skip int
}

func newResultsPage(all []*experiment.Experiment, results []experiment.Result) *resultsPage {
	p := &resultsPage{Title: "How connections closed", Groups: []*group{
		{Title: "Failed", Verdict: experiment.Fail},
		{Title: "Passed", Verdict: experiment.Pass},
		{Title: "Not run", Verdict: experiment.Skipped},
	}}
	for _, e := range entries(all, results) {
		for _, g := range p.Groups {
			if g.Verdict == e.Verdict() {
				g.Entries = append(g.Entries, e)
			}
		}
	}
	for _, g := range p.Groups {
		p.Entries = append(p.Entries, g.Entries...)
	}
	p.count(results)
	return p
}

func (p *resultsPage) count(results []experiment.Result) {
	var first time.Time
	for _, s := range drawnFirst(results) {
		t := tally{Subject: s}
		for i := range results {
			r := &results[i]
			if r.Report != nil && (first.IsZero() || r.Report.Start.Before(first)) {
				first = r.Report.Start
			}
			if r.Subject != s {
				continue
			}
			switch r.Verdict {
			case experiment.Pass:
				t.Pass++
			case experiment.Fail:
				t.Fail++
			default:
				t.Skip++
			}
		}
		if t != (tally{Subject: s}) {
			p.Tallies, p.Subjects = append(p.Tallies, t), append(p.Subjects, s)
		}
	}
	if !first.IsZero() {
		p.When = first.UTC().Format("2006-01-02 15:04:05 UTC")
	}
}

// On is what the experiment came to on each of the page's subjects.
func (p *resultsPage) On(e *entry) (out []*experiment.Result) {
	for _, s := range p.Subjects {
		out = append(out, e.on(s))
	}
	return out
}

// drawing is a connection of a result and its ladder.
type drawing struct {
	// Leg is what the connection is on one side of; empty if nothing is in between.
	Leg     string
	Picture template.HTML
	Verdict string
	Report  *teardown.Report
}

// Drawings are those of the connections that there is room for.
func (e *entry) Drawings(r *experiment.Result) (out []drawing) {
	for i, c := range shown(r) {
		id := e.ID + "_" + r.Subject
		if i > 0 {
			id = fmt.Sprintf("%s_%d", id, i+1)
		}
		out = append(out, drawing{e.leg("in front of"), template.HTML(ladder.SVG(c, e.sides(r.Subject), id)), ladder.Verdict(c), c})
	}
	for i, c := range shownBehind(r) {
		id := fmt.Sprintf("%s_%s_behind_%d", e.ID, r.Subject, i+1)
		out = append(out, drawing{e.leg("behind"), template.HTML(ladder.SVG(c, e.sidesBehind(r.Subject), id)), ladder.Verdict(c), c})
	}
	return out
}

// Facts are what else was measured.
func (e *entry) Facts(r *experiment.Result) []fact { return facts(r) }
