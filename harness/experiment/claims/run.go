package claims

import (
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
	// Outcomes are those of each claim, by subject, in the order of Claims and
	// of Subjects.
	Outcomes [][]Outcome
}

// Run runs the experiments and the programs that the claims need, each once on every
// subject, and judges the claims.
func Run(ctx context.Context, cs []*Claim, cfg experiment.Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	results, err := experiment.Run(ctx, Experiments(cs), cfg)
	if err != nil {
		return nil, err
	}
	var on []Subject
	// The kernel first: it is what the claims are about.
	for _, name := range []string{experiment.Kernel, experiment.Lastack} {
		if cfg.Subjects != nil && !slices.Contains(cfg.Subjects, name) {
			continue
		}
		s := Subject{Name: name, Settings: ownDefaults()}
		for i := range results {
			if results[i].Subject == name {
				s.Results = append(s.Results, results[i])
			}
		}
		if name == experiment.Kernel {
			if s.Settings, err = kernelDefaults(); err != nil {
				return nil, err
			}
		}
		if s.Programs, err = tryPrograms(ctx, cs, name, cfg); err != nil {
			return nil, err
		}
		on = append(on, s)
	}
	return judgeAll(cs, on), nil
}

func judgeAll(cs []*Claim, on []Subject) *Report {
	r := &Report{Claims: cs, Subjects: on}
	for _, c := range cs {
		var row []Outcome
		for i := range on {
			row = append(row, c.Judge(&on[i]))
		}
		r.Outcomes = append(r.Outcomes, row)
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
