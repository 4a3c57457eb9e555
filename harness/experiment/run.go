package experiment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"lastack/harness/lab"
	"lastack/stack/impair"
	"lastack/stack/tunable"
	"lastack/tun"
)

// tooLate is more than any experiment leaves to chance: an attempt that failed on a
// machine as busy as that says nothing.
const tooLate = 5 * time.Millisecond

// hopeless is how late an attempt may be, at the most on time of all, before a failure may be
// the machine's own: an ACK that waits for an application to close waits for 40 ms.
const hopeless = 50 * time.Millisecond

// Config says how experiments are run. The zero value runs those that are not
// slow on both subjects.
type Config struct {
	// Subjects to run on; nil means both.
	Subjects []string
	// Strangers are subjects besides, that files describe. Their names differ.
	Strangers []*Stranger
	// Slow runs those that take more than 10 s, too.
	Slow bool
	// Keep is a folder for captures and reports, made if it is not there; empty
	// means that nothing is kept.
	Keep string
	// Settings are made on the subject and Impairments done to the wire, beside
	// what the files say: what does an experiment say of a stack that is broken?
	Settings    []tunable.Setting
	Impairments []impair.Rule
	// Attempts is how often an experiment is tried before its failure counts; 0 means 4,
	// and once, busy or not, with Settings or Impairments: what was changed on purpose
	// fails on purpose. A setting that nobody may notice (tunable.Def) does not count for that.
	// Expectations about a close hold for applications that are on time. An attempt in
	// which the machine was too busy for that is made again without being counted, as
	// long as there are not three times as many. If it was hopelessly busy in all of them,
	// nothing was measured, and the experiment is skipped.
	Attempts int
	// Trace takes the connections of lastack as the subject from its own account
	// of each segment, and holds that against the capture. It is for experiments
	// of one connection on a good wire.
	Trace bool
	// Tcpdump captures with tcpdump in place of a packet socket.
	Tcpdump bool
	// Progress receives how far a load is, once a second. Nil receives nothing.
	Progress func(Progress)
	// Done receives each result as it comes; Trying receives one before each
	// attempt, and Tried after it. Nil receives none.
	Done, Trying, Tried func(*Experiment, *Result)
}

// Validate reports a subject that does not exist.
func (c *Config) Validate() error {
	for _, s := range c.Subjects {
		if !slices.Contains(Subjects(), s) {
			return fmt.Errorf("there is no subject %s; there are lastack and kernel", quote(s))
		}
	}
	files := map[string]string{}
	for _, s := range c.Strangers {
		if files[s.Name] != "" {
			return fmt.Errorf("%s and %s are both called %s; rename one", files[s.Name], s.File, s.Name)
		}
		files[s.Name] = s.File
	}
	return nil
}

// On are the names of the subjects, in the order in which they are run.
func (c *Config) On() (names []string) {
	for _, s := range Subjects() {
		if c.Subjects == nil || slices.Contains(c.Subjects, s) {
			names = append(names, s)
		}
	}
	for _, s := range c.Strangers {
		names = append(names, s.Name)
	}
	return names
}

// stranger is the one of that name; nil if the subject is built in.
func (c *Config) stranger(name string) *Stranger {
	for _, s := range c.Strangers {
		if s.Name == name {
			return s
		}
	}
	return nil
}

const (
	defaultAttempts = 4
	// busyFactor is how many times as many attempts there are on a busy machine.
	busyFactor = 3
)

// attempts is how many of them count, and how many there are at most.
func (c *Config) attempts() (counted, most int) {
	switch {
	case c.Attempts > 0:
		counted = c.Attempts
	case c.breaks():
		return 1, 1
	default:
		counted = defaultAttempts
	}
	return counted, busyFactor * counted
}

// strangerTimeout ends the attempts on a stranger, whose failures are most often its own.
const strangerTimeout = 20 * time.Second

// Run runs the experiments one after the other, each on every subject, at the
// highest priority that the process may have, which it keeps. An error means that
// it could not go on, or that ctx ended, and comes with the results until then; what is
// not as expected is no error, but a Result with the verdict Fail.
func Run(ctx context.Context, all []*Experiment, cfg Config) ([]Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	lab.RaisePriority()
	var results []Result
	for _, e := range all {
		for _, subject := range cfg.On() {
			if ctx.Err() != nil {
				return results, context.Cause(ctx)
			}
			started := time.Now()
			r, err := cfg.run(ctx, e, subject)
			var unfit *SubjectError
			if errors.As(err, &unfit) && slices.ContainsFunc(results, func(r Result) bool { return r.Subject == subject && r.Attempts > 0 }) {
				// It was fit before, so that this is the experiment's doing.
				r, err = &Result{Experiment: e.Name, Subject: subject, Verdict: Fail, Why: unfit.Error(), Attempts: 1}, nil
			}
			if err != nil {
				return results, fmt.Errorf("%s on %s: %w", e.Name, subject, err)
			}
			r.TookMS = time.Since(started).Milliseconds()
			results = append(results, *r)
			notify(cfg.Done, e, r)
		}
	}
	return results, nil
}

func notify(to func(*Experiment, *Result), e *Experiment, r *Result) {
	if to != nil {
		to(e, r)
	}
}

// run is one experiment on one subject.
func (c *Config) run(ctx context.Context, e *Experiment, subject string) (*Result, error) {
	r := &Result{Experiment: e.Name, Subject: subject, Altered: c.Alterations()}
	if why := e.Reason(subject); why != "" {
		return r.skip("%s", why), nil
	}
	if e.Slow && !c.Slow {
		return r.skip("it takes more than 10 seconds; run it with --slow"), nil
	}
	if why := c.foreign(e, subject); why != "" {
		return r.skip("%s", why), nil
	}
	e = c.altered(e)
	enough, most := c.attempts()
	stranger := c.stranger(subject)
	if stranger != nil {
		if why := e.unable(stranger); why != "" {
			return r.skip("%s", why), nil
		}
		e = e.fitted(stranger)
	}
	started, soonest := time.Now(), time.Duration(math.MaxInt64)
	for counted := 0; ; {
		notify(c.Trying, e, r)
		a, err := try(ctx, e, subject, stranger)
		r.Missing = err
		var missing *lab.MissingError
		var lacks *unsupported
		var device *tun.Error
		var unfit *SubjectError
		var proxy *ProxyError
		switch {
		case errors.As(err, &unfit):
			return nil, unfit
		case errors.As(err, &missing):
			return r.skip("%v", missing), nil
		case errors.As(err, &lacks):
			return r.skip("%v", lacks), nil
		case errors.As(err, &device) && subject == Kernel:
			// Only a bad wire and lastack as its peer need one; the others go on without.
			return r.skip("%v", device), nil
		case errors.As(err, &proxy):
			r.Verdict, r.Why, r.Attempts = Fail, proxy.Error(), r.Attempts+1
			return r, nil
		case err != nil:
			return nil, err
		}
		r.settle(e, &a.seen)
		if a.seen.late < tooLate {
			counted++
		} else if r.Verdict == Fail {
			r.Excused++
		}
		soonest = min(soonest, a.seen.late)
		notify(c.Tried, e, r)
		last := counted == enough || r.Attempts == most || r.distrusted() || a.seen.died != ""
		if last && most > 1 && r.unmeasured(soonest) {
			return r.skip("not measured: the machine kept lastack from running for %v or more in each of %d attempts, so that a failure says nothing; try again when it is less busy. The last one: %s",
				soonest.Round(time.Millisecond), r.Attempts, r.Why), c.keep(r, a)
		}
		if r.Verdict == Pass || last || stranger != nil && time.Since(started) > strangerTimeout {
			return r, c.keep(r, a)
		}
	}
}
