package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Config says what to watch and how.
type Config struct {
	// Source is required.
	Source Source
	// Interval between looks. It is required.
	Interval time.Duration
	// Count is how many looks to take; 0 is until the context ends.
	Count int
	// Alarms to raise.
	Alarms []Alarm
	// Baseline remembers earlier numbers; nil is one that is empty. State is the file it is
	// saved in now and then and at the end; "" is none.
	Baseline *Baseline
	State    string
	// Out takes the reports. It is required.
	Out io.Writer
	// JSON prints reports, and the summary at the end, as lines of JSON.
	JSON bool
}

// Validate reports what is wrong with the Config, naming the field.
func (c *Config) Validate() error {
	switch {
	case c.Source == nil || c.Out == nil:
		return errors.New("monitor: Config.Source and Config.Out are required")
	case c.Interval <= 0:
		return fmt.Errorf("monitor: Config.Interval: %v is not a time to wait", c.Interval)
	case c.Count < 0:
		return fmt.Errorf("monitor: Config.Count: %d is negative", c.Count)
	}
	return nil
}

// Run looks at once, and again after each interval, until Count looks are taken
// or ctx ends, which is no error. It prints what it sees, and the summary that it
// returns.
func Run(ctx context.Context, c Config) (Summary, error) {
	if err := c.Validate(); err != nil {
		return Summary{}, err
	}
	t := NewTracker(c.Alarms)
	if c.Baseline == nil {
		c.Baseline = NewBaseline()
	}
	t.Remember(c.Baseline, c.Source.Name())
	err := c.watch(ctx, t)
	s := t.Summary()
	if c.State != "" {
		err = errors.Join(err, c.Baseline.Save(c.State))
	}
	if s.Looks > 0 {
		err = errors.Join(err, c.summarize(&s))
	}
	return s, err
}

// SaveEvery is how often a state is saved.
const SaveEvery = time.Minute

func (c *Config) watch(ctx context.Context, t *Tracker) error {
	saved := time.Now()
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	for {
		sample, err := c.Source.Look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.print(t.Report(time.Now(), c.Interval, sample)); err != nil {
			return err
		}
		if now := time.Now(); c.State != "" && now.Sub(saved) >= SaveEvery {
			saved = now
			if err := c.Baseline.Save(c.State); err != nil {
				return err
			}
		}
		if c.Count > 0 && t.summary.Looks == c.Count {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *Config) print(r *Report) error {
	if c.JSON {
		return json.NewEncoder(c.Out).Encode(r)
	}
	return writeText(c.Out, r)
}

func (c *Config) summarize(s *Summary) error {
	if !c.JSON {
		return writeSummary(c.Out, s)
	}
	return json.NewEncoder(c.Out).Encode(struct {
		Summary *Summary `json:"summary"`
	}{s})
}
