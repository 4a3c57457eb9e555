package claims

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/experiment/programs"
)

// tryPrograms makes the trials that have not been made on the subject before.
func (s *Subject) tryPrograms(ctx context.Context, trials []programs.Trial, cfg experiment.Config) error {
	for _, trial := range trials {
		if slices.ContainsFunc(s.Programs, func(r programs.Result) bool { return r.Trial == trial }) {
			continue
		}
		tell(cfg.Trying, &programs.Result{Trial: trial, Subject: s.Name})
		r, err := s.try(ctx, trial, cfg)
		if err != nil {
			return fmt.Errorf("trying programs: %w", err)
		}
		s.Programs = append(s.Programs, *r)
		tell(cfg.Done, r)
	}
	return nil
}

func (s *Subject) try(ctx context.Context, trial programs.Trial, cfg experiment.Config) (*programs.Result, error) {
	if why := cfg.Unset(s.Name); why != "" {
		return &programs.Result{Trial: trial, Subject: s.Name, Skipped: []string{why}}, nil
	}
	return programs.Run(ctx, trial, programs.Config{Lastack: s.Name == experiment.Lastack, Slow: cfg.Slow, Settings: cfg.Set()})
}

// tell says of a trial what is said of an experiment.
func tell(to func(*experiment.Experiment, *experiment.Result), r *programs.Result) {
	if to == nil {
		return
	}
	e := &experiment.Experiment{Name: "programs: " + string(r.Trial), Question: r.Trial.Question()}
	res := &experiment.Result{Experiment: e.Name, Subject: r.Subject, Verdict: experiment.Pass, Attempts: 1, Why: strings.Join(r.Skipped, "; ")}
	if r.Empty() {
		res.Verdict = experiment.Skipped
	}
	to(e, res)
}

// exceptions judges claim 13: handlers that failed left sockets in CLOSE_WAIT, and a
// transaction that was left open did where one that was committed did not.
func exceptions(s *seen) Finding {
	left, all := 0, 0
	for _, l := range s.programs[programs.Leaks].Leaks {
		left, all = left+l.CloseWait, all+l.Connections
	}
	ends := map[string]map[string]string{} // the pool's states, by who ended the session and how the transaction ended
	for _, d := range s.programs[programs.Database].Sessions {
		if d.Check == "none" {
			if ends[d.Ended] == nil {
				ends[d.Ended] = map[string]string{}
			}
			ends[d.Ended][d.End] = d.Pool
		}
	}
	matters := false
	for _, by := range ends {
		matters = matters || by["return"] == "CLOSE_WAIT" && by["commit"] != "CLOSE_WAIT"
	}
	killed := ends["KILL"]
	return graded(left > 0 && matters, left > 0 || matters, "exceptions left %d of %d; open transaction %s, committed %s",
		left, all, killed["return"], killed["commit"])
}

// figures judges claim 45: pools with its figures leave no TIME_WAIT under load, and
// their idle connections are there for as long as they mean to keep them.
func figures(s *seen) Finding {
	p := s.programs[programs.Pools]
	waits := 0
	for _, l := range p.Loads {
		if l.Figures {
			waits += l.TimeWait
		}
	}
	var limits []int
	first, each, sum := map[int]int{}, map[int]int{}, 0
	for _, i := range p.Idles {
		if !i.Figures {
			continue
		}
		if each[i.ServerSeconds] == 0 {
			limits = append(limits, i.ServerSeconds)
		}
		each[i.ServerSeconds] += i.Opened
		first[i.ServerSeconds] += i.ServerFirst
		sum += i.ServerFirst
	}
	var by, counts []string
	for _, limit := range limits {
		by = append(by, fmt.Sprint(limit))
		counts = append(counts, fmt.Sprintf("%d/%d", first[limit], each[limit]))
	}
	return graded(waits == 0 && sum == 0, waits == 0, "load: TIME_WAIT %d; servers of %s s first: %s",
		waits, strings.Join(by, ", "), strings.Join(counts, ", "))
}

// programs tells what the claim's trials measured on each subject.
func (t Text) programs(c *Claim, r *Report) {
	for _, trial := range c.Programs {
		fmt.Fprintln(t.W)
		t.paragraph("", trial.Question())
		for i := range r.Subjects {
			for j := range r.Subjects[i].Programs {
				if p := &r.Subjects[i].Programs[j]; p.Trial == trial {
					fmt.Fprintf(t.W, "\n  On %s:\n", r.Subjects[i].Name)
					p.Text(t.W)
				}
			}
		}
	}
}
