package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"lastack/harness/experiment"
	"lastack/harness/ladder"
	"lastack/harness/teardown"
)

//go:embed *.html page.css
var files embed.FS

// HTML writes a page about experiments and their results.
func HTML(w io.Writer, all []*experiment.Experiment, results []experiment.Result) error {
	return execute(w, "experiments.html", newPage(all, results))
}

// execute writes a page by its template.
func execute(w io.Writer, name string, data any) error {
	t, err := template.New("").Funcs(template.FuncMap{"states": ladder.States, "style": style, "class": class}).ParseFS(files, "*.html")
	if err != nil {
		return fmt.Errorf("reading the templates of the page: %w", err)
	}
	if err := t.ExecuteTemplate(w, name, data); err != nil {
		return fmt.Errorf("making the page: %w", err)
	}
	return nil
}

// style is the page's and its pictures'.
func style() (template.CSS, error) {
	css, err := files.ReadFile("page.css")
	return template.CSS(ladder.Style + string(css)), err
}

// class is the CSS class of a verdict.
func class(verdict any) string { return strings.ReplaceAll(fmt.Sprint(verdict), " ", "-") }

// page is what the template is given.
type page struct {
	Title    string
	Entries  []*entry
	Groups   []*group
	Subjects []string
	Tallies  []tally
	// When is the time of the first segment.
	When string
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

func newPage(all []*experiment.Experiment, results []experiment.Result) *page {
	p := &page{Title: "How connections closed", Groups: []*group{
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

func (p *page) count(results []experiment.Result) {
	var first time.Time
	for _, s := range experiment.Subjects() {
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
func (p *page) On(e *entry) (out []*experiment.Result) {
	for _, s := range p.Subjects {
		out = append(out, e.on(s))
	}
	return out
}

// drawing is a connection of a result and its ladder.
type drawing struct {
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
		out = append(out, drawing{template.HTML(ladder.SVG(c, e.sides(r.Subject), id)), ladder.Verdict(c), c})
	}
	return out
}

// Facts are what else was measured.
func (e *entry) Facts(r *experiment.Result) []fact { return facts(r) }
