package claims

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/lab"
	"lastack/stack/tunable"
)

// Report is what a number of claims came to.
type Report struct {
	Claims   []*Claim
	Subjects []Subject
	// Altered is what was set or done to the wire beside what the experiments say.
	Altered []string
	// Outcomes are those of each claim, by subject, in the order of Claims and
	// of Subjects.
	Outcomes [][]Outcome
	// Unrun is why other claims were not tried; empty if all were.
	Unrun string
}

// Run runs the experiments and the programs that the claims need, each once on every
// subject, in the order in which the claims need them, and judges each claim when all of
// its own have been run.
// judged (nil is nothing) receives the place of each in the Report, in their order. Where
// Run ends early the Report has the claims that were judged, beside the error.
func Run(ctx context.Context, cs []*Claim, cfg experiment.Config, judged func(*Report, int)) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Report{Subjects: subjects(&cfg), Altered: cfg.Alterations()}
	for i := range r.Subjects {
		if err := r.Subjects[i].readDefaults(&cfg); err != nil {
			return r, err
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var failed error
	inner := cfg
	judge := func() {
		for failed == nil && len(r.Claims) < len(cs) && r.has(cs[len(r.Claims)].names()) {
			for i := range r.Subjects {
				if failed = r.Subjects[i].tryPrograms(ctx, cs[len(r.Claims)].Programs, inner); failed != nil {
					stop(failed)
					return
				}
			}
			r.judge(cs[len(r.Claims)])
			if judged != nil {
				judged(r, len(r.Claims)-1)
			}
		}
	}
	done := cfg.Done
	cfg.Done = func(e *experiment.Experiment, result *experiment.Result) {
		if done != nil {
			done(e, result)
		}
		for i := range r.Subjects {
			if s := &r.Subjects[i]; s.Name == result.Subject {
				s.Results = append(s.Results, *result)
			}
		}
		judge()
	}
	judge() // what needs none
	if failed != nil {
		return r, failed
	}
	_, err := experiment.Run(ctx, Experiments(cs), cfg)
	return r, cmp.Or(failed, err)
}

// subjects are those of the Config, without results, the kernel first: it is what the
// claims are about.
func subjects(cfg *experiment.Config) (on []Subject) {
	for _, name := range []string{experiment.Kernel, experiment.Lastack} {
		if slices.Contains(cfg.On(), name) {
			on = append(on, Subject{Name: name})
		}
	}
	return on
}

// readDefaults notes what the tunables are that claims are about, where no experiment sets
// them.
func (s *Subject) readDefaults(cfg *experiment.Config) (err error) {
	s.Settings = ownDefaults()
	if s.Name == experiment.Kernel {
		s.Settings, err = kernelDefaults()
	}
	for name, value := range cfg.Set() {
		if _, known := s.Settings[name]; known {
			s.Settings[name] = strings.Join(strings.Fields(value), " ")
		}
	}
	return err
}

// has reports whether every one of the experiments has been run on every subject.
func (r *Report) has(names []string) bool {
	for i := range r.Subjects {
		for _, name := range names {
			if !slices.ContainsFunc(r.Subjects[i].Results, func(r experiment.Result) bool { return r.Experiment == name }) {
				return false
			}
		}
	}
	return true
}

// judge adds a claim, and what became of it on each subject.
func (r *Report) judge(c *Claim) {
	var row []Outcome
	for i := range r.Subjects {
		row = append(row, c.Judge(&r.Subjects[i]))
	}
	r.Claims, r.Outcomes = append(r.Claims, c), append(r.Outcomes, row)
}

// Judge judges claims by results that there are already, made as the Config says, and tries no
// programs.
func Judge(cs []*Claim, results []experiment.Result, cfg *experiment.Config) (*Report, error) {
	on := subjects(cfg)
	for i := range on {
		s := &on[i]
		for j := range results {
			if results[j].Subject == s.Name {
				s.Results = append(s.Results, results[j])
			}
		}
		if err := s.readDefaults(cfg); err != nil {
			return nil, err
		}
	}
	r := judgeAll(cs, on)
	r.Altered = cfg.Alterations()
	return r, nil
}

func judgeAll(cs []*Claim, on []Subject) *Report {
	r := &Report{Subjects: on}
	for _, c := range cs {
		r.judge(c)
	}
	return r
}

// AsExpected reports whether every claim that was tried came out as before.
func (r *Report) AsExpected() bool {
	return !slices.ContainsFunc(r.Outcomes, func(row []Outcome) bool {
		return slices.ContainsFunc(row, func(o Outcome) bool { return !o.AsExpected })
	})
}

var settingNames = []string{portRange, twReuse, twRecycle}

// kernelDefaults are those of a new network namespace.
func kernelDefaults() (_ map[string]string, err error) {
	ns, err := lab.NewNamespace()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	out := map[string]string{}
	for _, name := range settingNames {
		v, err := ns.ReadSysctl(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the kernel's default: %w", err)
		}
		out[name] = strings.Join(strings.Fields(v), " ")
	}
	return out, nil
}

// ownDefaults are lastack's.
func ownDefaults() map[string]string {
	out, set := map[string]string{}, tunable.NewSet()
	for _, name := range settingNames {
		if d, ok := tunable.Lookup(name); ok {
			out[name] = set.Text(d.ID)
		}
	}
	return out
}
