package claims

import (
	"fmt"
	"slices"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/teardown/ladder"
	"lastack/harness/term/paragraph"
)

// Stories tells all about each claim, and sums up.
func (t Text) Stories(r *Report) {
	for i := range r.Claims {
		t.Story(r, i)
	}
	t.Summary(r)
}

// Story tells all about the claim at a place of the Report: verdicts, evidence, and the
// experiments that try it with the ladders of every subject, one above the other.
func (t Text) Story(r *Report, at int) {
	c := r.Claims[at]
	if at > 0 {
		fmt.Fprintln(t.W)
	}
	t.opening(c)
	for j, o := range r.Outcomes[at] {
		t.paragraph("", fmt.Sprintf("%s: %s. %s.", r.Subjects[j].Name, t.verdict(o, 0), o.Evidence))
		if !o.AsExpected {
			t.paragraph("", fmt.Sprintf("That is not what was expected: %s.", o.Expected))
		}
	}
	var more []string
	for _, e := range experiment.Corpus() {
		switch {
		case slices.Contains(c.names(), e.Name):
			t.experiment(e, r)
		case slices.Contains(e.Claims, c.Number):
			more = append(more, e.Name)
		}
	}
	t.programs(c, r)
	if len(more) > 0 {
		fmt.Fprintln(t.W)
		t.paragraph("", fmt.Sprintf("More about it, with lastack run: %s.", strings.Join(more, ", ")))
	}
}

func (t Text) opening(c *Claim) {
	t.paragraph("", fmt.Sprintf("Claim %d (%s): %s", c.Number, c.Source, c.Text))
	t.paragraph("", fmt.Sprintf("On Linux, at first: %s. %s", c.Expect, c.Truth))
	if c.Differs != "" {
		t.paragraph("", fmt.Sprintf("On lastack it is meant to be otherwise: %s, since %s.", c.Differs, c.Why))
	}
	fmt.Fprintln(t.W)
}

// experiment tells what an experiment asks and what each subject answered.
func (t Text) experiment(e *experiment.Experiment, r *Report) {
	fmt.Fprintf(t.W, "\n%s\n", e.Name)
	t.paragraph("  ", e.Question)
	t.paragraph("  ", e.Shows)
	for i := range r.Subjects {
		for j := range r.Subjects[i].Results {
			if res := &r.Subjects[i].Results[j]; res.Experiment == e.Name {
				t.result(e, res)
			}
		}
	}
}

func (t Text) result(e *experiment.Experiment, r *experiment.Result) {
	fmt.Fprintf(t.W, "\n  On %s:", r.Subject)
	if r.Why != "" {
		fmt.Fprintf(t.W, " %s\n", r.Verdict)
		t.paragraph("  ", r.Why)
	} else {
		fmt.Fprintln(t.W)
	}
	if r.Report == nil {
		return
	}
	cfg := ladder.Config{Color: t.Color, Width: t.Columns}
	cfg.Client, cfg.Server = e.Sides(r.Subject)
	fmt.Fprintf(t.W, "\n%s", ladder.Render(r.Report, cfg))
	if r.States != nil {
		t.paragraph("", fmt.Sprintf("states afterwards: client %s, server %s", r.States.Client, r.States.Server))
	}
	if n := r.Connections + r.Failures; n > 1 {
		t.paragraph("", fmt.Sprintf("%d connections, %d failures, TIME_WAIT: client %d, server %d",
			r.Connections, r.Failures, r.TimeWaitClient, r.TimeWaitServer))
	}
}

func (t Text) paragraph(indent, text string) {
	for _, line := range paragraph.Lines(text, t.width()-len(indent)) {
		fmt.Fprintln(t.W, indent+line)
	}
}
