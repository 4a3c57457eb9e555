package main

import (
	"context"
	"fmt"

	"lastack/harness/experiment"
	"lastack/harness/experiment/claims"
	"lastack/harness/host/web"
)

// lessons are the experiments and claims whose answer a class may predict: those that are
// over in seconds, and of one connection or a few.
func lessons() (all []web.Lesson) {
	for _, e := range experiment.Corpus() {
		if !e.Slow && len(e.Client.Crafted) == 0 && e.Load.Connections == 0 && e.Repeat <= 1 {
			all = append(all, web.Lesson{ID: e.Name, Question: e.Question, Truth: e.Shows, Wrong: e.Wrong})
		}
	}
	for _, c := range claims.All() {
		if len(c.Programs) == 0 {
			all = append(all, web.Lesson{ID: fmt.Sprintf("claim-%d", c.Number), Claim: c.Number, Question: c.Text, Truth: c.Truth})
		}
	}
	return all
}

// runLesson runs one on the kernel and on lastack, in namespaces of its own.
func runLesson(ctx context.Context, l *web.Lesson) ([]web.Outcome, error) {
	if l.Claim != 0 {
		return runClaim(ctx, l.Claim)
	}
	all, err := experiment.Select([]string{l.ID})
	if err != nil {
		return nil, err
	}
	results, err := experiment.Run(ctx, all, experiment.Config{})
	if err != nil {
		return nil, err
	}
	var out []web.Outcome
	for i := range results {
		r := &results[i]
		o := web.Outcome{Subject: r.Subject, Verdict: r.Verdict, Why: r.Why, Report: r.Report}
		o.Client, o.Server = all[0].Sides(r.Subject)
		out = append(out, o)
	}
	return out, nil
}

func runClaim(ctx context.Context, number int) ([]web.Outcome, error) {
	cs, err := claims.Select([]int{number})
	if err != nil {
		return nil, err
	}
	r, err := claims.Run(ctx, cs, experiment.Config{}, nil)
	if err != nil {
		return nil, err
	}
	var out []web.Outcome
	for i, o := range r.Outcomes[0] {
		s := &r.Subjects[i]
		side := web.Outcome{Subject: s.Name, Verdict: string(o.Verdict), Why: o.Evidence}
		for j := range s.Results {
			if s.Results[j].Report != nil && side.Report == nil {
				side.Report = s.Results[j].Report
				if e, err := experiment.Select([]string{s.Results[j].Experiment}); err == nil {
					side.Client, side.Server = e[0].Sides(s.Name)
				}
			}
		}
		out = append(out, side)
	}
	return out, nil
}
