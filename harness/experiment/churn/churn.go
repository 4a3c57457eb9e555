package churn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"lastack/harness/experiment"
)

// Config says what to run. The zero value runs every mode with both subjects on
// a hundred ports.
type Config struct {
	// Modes to run, in order. None is Modes.
	Modes []Mode
	// Subjects are experiment.Lastack and experiment.Kernel: whose client, and so
	// whose ports, are examined. None is both.
	Subjects []string
	// LoadSpec is that of each mode, but for its pool, rest and peer; Ports, unless
	// given, are a hundred.
	experiment.LoadSpec
	// MSL is lastack's; the kernel has none to set. 0 is its default, 30 s.
	MSL time.Duration
	// Settings are other tunables of lastack's, by name, at whichever end it is.
	Settings map[string]string
	// Progress is called once a second while connections are made. Nil is nothing.
	Progress func(experiment.Progress)
}

// ErrConfig is matched by every error that is the Config's fault.
var ErrConfig = errors.New("invalid configuration")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
}

// Complete fills in what was left out, and refuses what cannot work with an
// error that is ErrConfig.
func (c *Config) Complete() error {
	if len(c.Modes) == 0 {
		c.Modes = Modes()
	}
	if len(c.Subjects) == 0 {
		c.Subjects = experiment.Subjects()
	}
	if c.Ports == (experiment.Ports{}) {
		c.Ports = experiment.PortCount(100)
	}
	if c.MSL == 0 {
		c.MSL = 30 * time.Second
	}
	for _, s := range c.Subjects {
		if !slices.Contains(experiment.Subjects(), s) {
			return invalid("there is no subject %q; there are %s and %s", s, experiment.Lastack, experiment.Kernel)
		}
	}
	if err := c.LoadSpec.Complete(); err != nil {
		return invalid("%w", err)
	}
	for i, m := range c.Modes {
		if slices.Contains(c.Modes[:i], m) {
			return invalid("mode %s is given twice", m)
		}
		if m.pool > c.Ports.Len() {
			return invalid("mode %s needs %d ports and has %d", m, m.pool, c.Ports.Len())
		}
		if _, err := m.ports(c.Ports); err != nil {
			return invalid("%w", err)
		}
	}
	return nil
}

// Result is what one mode came to with one subject.
type Result struct {
	Mode    string `json:"mode"`
	Subject string `json:"subject"`
	experiment.Loaded
	// Verdict is experiment.Pass or experiment.Fail.
	Verdict string `json:"verdict"`
	// Why says what was not as expected; empty in a pass.
	Why string `json:"why,omitempty"`
}

// Run carries out every mode with every subject, one after the other. An error
// means that it could not; what is not as expected is a Result with the verdict
// experiment.Fail.
func Run(ctx context.Context, cfg Config) ([]Result, error) {
	if err := cfg.Complete(); err != nil {
		return nil, err
	}
	var results []Result
	for _, m := range cfg.Modes {
		for _, subject := range cfg.Subjects {
			got, err := experiment.Run(ctx, []*experiment.Experiment{cfg.experiment(m, subject)}, experiment.Config{
				Subjects: []string{subject}, Attempts: 1, Slow: true, Progress: cfg.Progress,
			})
			if err == nil {
				err = got[0].Missing
			}
			if err != nil {
				return results, fmt.Errorf("%s with %s as the client: %w", m, subject, err)
			}
			r := &got[0]
			results = append(results, Result{m.String(), subject, *r.Load, r.Verdict, r.Why})
		}
	}
	return results, nil
}

// experiment is a mode as the Config wants it. The ports were checked.
func (c *Config) experiment(m Mode, subject string) *experiment.Experiment {
	e := *m.file
	e.Name = m.String()
	e.Load = c.LoadSpec
	e.Load.Pool, e.Load.Rest, e.Load.Peer = m.pool, m.file.Load.Rest, m.file.Load.Peer
	e.Load.Ports, _ = m.ports(c.Ports)
	e.Tunables.Subject, e.Tunables.Peer = maps.Clone(e.Tunables.Subject), map[string]string{}
	lastack := e.Tunables.Peer
	if subject == experiment.Lastack {
		lastack = e.Tunables.Subject
	}
	maps.Copy(lastack, c.Settings)
	lastack["lastack.msl_ms"] = strconv.FormatInt(c.MSL.Milliseconds(), 10)
	return &e
}

// Passed reports whether every result is as expected, and there is one.
func Passed(results []Result) bool {
	failed := func(r Result) bool { return r.Verdict != experiment.Pass }
	return len(results) > 0 && !slices.ContainsFunc(results, failed)
}
