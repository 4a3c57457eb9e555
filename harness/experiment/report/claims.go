package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/experiment/claims"
	"lastack/harness/teardown/page"
)

// Claims writes a page about claims: their verdicts and what was measured, and
// the experiments that tried them.
func Claims(w io.Writer, r *claims.Report) error {
	return page.Execute(w, files, "claims.html", newClaimsPage(r, claims.Experiments(r.Claims)))
}

func newClaimsPage(r *claims.Report, all []*experiment.Experiment) *claimsPage {
	p := &claimsPage{
		Title:  "Claims about closing TCP",
		Groups: []*claimGroup{{Title: "Not as expected", Open: true}, {Title: "As expected"}, {Title: "Not tried"}},
	}
	var results []experiment.Result
	p.Altered, p.Unrun = strings.Join(r.Altered, ", "), r.Unrun
	for i := range r.Subjects {
		p.Subjects = append(p.Subjects, r.Subjects[i].Name)
		results = append(results, r.Subjects[i].Results...)
	}
	p.count(r)
	p.Experiments = entries(all, results)
	for i, c := range r.Claims {
		e := &claimEntry{Claim: c}
		for j, o := range r.Outcomes[i] {
			e.Outcomes = append(e.Outcomes, outcome{p.Subjects[j], o})
		}
		g := p.Groups[e.group()]
		g.Claims = append(g.Claims, e)
	}
	for _, g := range p.Groups {
		p.Claims = append(p.Claims, g.Claims...)
	}
	return p
}

// claimsPage is what the template is given.
type claimsPage struct {
	Title       string
	Subjects    []string
	Altered     string
	Unrun       string // why other claims were not tried
	Tallies     []markTally
	Others      []int // that are not as expected, by subject
	Groups      []*claimGroup
	Claims      []*claimEntry // of all groups
	Experiments []*entry
}

type claimGroup struct {
	Title  string
	Open   bool
	Claims []*claimEntry
}

// claimEntry is a claim and what became of it.
type claimEntry struct {
	*claims.Claim
	Outcomes []outcome
}

// outcome is that of a claim on a subject.
type outcome struct {
	Subject string
	claims.Outcome
}

// ID is what links go to.
func (e *claimEntry) ID() string { return fmt.Sprintf("claim_%d", e.Number) }

// Experiments are the names of those that try it.
func (e *claimEntry) Experiments() []string { return slices.Concat(e.Tries, e.Also) }

// group is the place of its group.
func (e *claimEntry) group() int {
	tried := false
	for _, o := range e.Outcomes {
		if !o.AsExpected {
			return 0
		}
		tried = tried || o.Verdict != claims.NotTried
	}
	if !tried {
		return 2
	}
	return 1
}

// markTally counts a verdict.
type markTally struct {
	Mark   claims.Mark
	Counts []int // by subject
}

func (p *claimsPage) count(r *claims.Report) {
	p.Others = make([]int, len(p.Subjects))
	for _, m := range []claims.Mark{claims.Holds, claims.InPart, claims.No, claims.Unclear, claims.NotTried} {
		t := markTally{Mark: m, Counts: make([]int, len(p.Subjects))}
		for _, row := range r.Outcomes {
			for i, o := range row {
				if o.Verdict != m {
					continue
				}
				t.Counts[i]++
				if !o.AsExpected {
					p.Others[i]++
				}
			}
		}
		p.Tallies = append(p.Tallies, t)
	}
}
