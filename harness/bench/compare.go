package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config says what to measure. The zero value measures everything, five rounds of it.
type Config struct {
	// Groups of cases, or the names of single ones. None is all.
	Groups []string
	// Quick makes it short: one round of small runs, whose figures say little.
	Quick bool
	// Rounds of each case. 0 is 5, or 1 if Quick.
	Rounds int
	// Args have this program call Child in the processes that it starts of itself.
	Args []string
	// Progress is told before each run. Nil is nothing.
	Progress func(Progress)
}

// Progress is how far Compare has come.
type Progress struct {
	Case, Subject string
	Round, Rounds int
	// Done of Runs are over; Left is an estimate of the rest.
	Done, Runs int
	Left       time.Duration
}

// ErrConfig is matched by every error that is the Config's fault.
var ErrConfig = errors.New("invalid configuration")

// Complete fills in what was left out, and refuses what there is not.
func (c *Config) Complete() error {
	if c.Rounds < 0 {
		return fmt.Errorf("%w: %d rounds; give at least 1", ErrConfig, c.Rounds)
	}
	if c.Rounds == 0 {
		c.Rounds = 5
		if c.Quick {
			c.Rounds = 1
		}
	}
	if slices.Contains(c.Groups, "all") {
		c.Groups = nil
	}
	_, err := c.cases()
	return err
}

// cases are those asked for, in the order of the catalogue.
func (c *Config) cases() ([]Case, error) {
	all := catalogue(c.Quick)
	if len(c.Groups) == 0 {
		return all, nil
	}
	for _, g := range c.Groups {
		if !slices.ContainsFunc(all, func(k Case) bool { return k.Group == g || k.Name == g }) {
			return nil, fmt.Errorf("%w: there is nothing to measure called %q; there are %s, and all",
				ErrConfig, g, strings.Join(Groups, ", "))
		}
	}
	return slices.DeleteFunc(all, func(k Case) bool {
		return !slices.Contains(c.Groups, k.Group) && !slices.Contains(c.Groups, k.Name)
	}), nil
}

// Compare measures, each run in a lab of its own, the subjects of a case taking
// turns. It needs what a lab needs, but is not called inside one. On an error the
// report has what was measured before.
func Compare(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.Complete(); err != nil {
		return nil, err
	}
	cases, err := cfg.cases()
	if err != nil {
		return nil, err
	}
	c := comparison{
		cfg: cfg, begin: time.Now(), loop: loopTime,
		measure: func(r *run) (sample, error) { return once(ctx, r, cfg.Args) },
	}
	report := newReport(cfg.Quick)
	report.Cases, err = c.all(cases)
	return report, err
}

// comparison is a Compare under way.
type comparison struct {
	cfg           Config
	measure       func(*run) (sample, error)
	loop          func() time.Duration
	begin         time.Time
	planned, done int
}

// all carries out the cases, until one fails.
func (c *comparison) all(cases []Case) ([]Result, error) {
	for i := range cases {
		c.planned += len(cases[i].subjects) * c.rounds(&cases[i])
	}
	results := []Result{}
	for i := range cases {
		res, err := c.carryOut(&cases[i])
		if err != nil {
			return results, fmt.Errorf("%s: %w", cases[i].Name, err)
		}
		results = append(results, *res)
	}
	return results, nil
}

// carryOut runs a case until it has its rounds, or twice as many were tried.
func (c *comparison) carryOut(k *Case) (*Result, error) {
	var kept []round
	dropped, rounds := 0, c.rounds(k)
	for n := 0; len(kept) < rounds && n < 2*rounds; n++ {
		if n >= rounds {
			c.planned += len(k.subjects) // to make up for one that was dropped
		}
		r, err := c.round(k, len(kept)+1)
		if err != nil {
			return nil, err
		}
		if !steady(r.loops) && !c.cfg.Quick {
			dropped++
			continue
		}
		kept = append(kept, r)
	}
	return settle(k, kept, dropped), nil
}

// rounds is how many a case gets.
func (c *comparison) rounds(k *Case) int {
	if k.atMost > 0 {
		return min(k.atMost, c.cfg.Rounds)
	}
	return c.cfg.Rounds
}

// round is one turn of every subject, with the loop's time before each.
type round struct {
	samples map[string]sample
	loops   []time.Duration
}

// round goes through the subjects, every other time backwards: whoever comes behind another
// would have its heat in each of them.
func (c *comparison) round(k *Case, number int) (round, error) {
	r := round{samples: map[string]sample{}}
	names := slices.Clone(k.subjects)
	if number%2 == 0 {
		slices.Reverse(names)
	}
	for _, name := range names {
		c.tell(k, name, number)
		r.loops = append(r.loops, c.loop())
		spec := k.run
		spec.Subject = name
		s, err := c.measure(&spec)
		if err != nil {
			return r, err
		}
		r.samples[name] = s
		c.done++
	}
	r.loops = append(r.loops, c.loop())
	return r, nil
}

// tell estimates the time left by that of what is done.
func (c *comparison) tell(k *Case, subject string, number int) {
	if c.cfg.Progress == nil {
		return
	}
	p := Progress{
		Case: k.Name, Subject: subject, Round: number, Rounds: c.rounds(k), Done: c.done, Runs: c.planned,
	}
	if c.done > 0 {
		p.Left = time.Since(c.begin) / time.Duration(c.done) * time.Duration(c.planned-c.done)
	}
	c.cfg.Progress(p)
}
