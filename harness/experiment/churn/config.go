package churn

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// The subjects: whose client, and so whose ports, are examined.
const (
	Lastack = "lastack"
	Kernel  = "kernel"
)

// kernelLife is how long Linux keeps TIME_WAIT: a constant of the kernel.
const kernelLife = 60 * time.Second

// Config says what to run. The zero value runs every mode with both subjects on
// a hundred ports.
type Config struct {
	// Modes to run, in order. None is Modes.
	Modes []Mode
	// Subjects are Lastack and Kernel. None is both.
	Subjects []string
	// Ports of the client. The zero value is Ports(100).
	Ports Range
	// Connections is how many are attempted in each run, or requests sent where
	// connections are kept. 0 is three times the ports, or no bound if there is a
	// Duration.
	Connections int
	// Rate is how many are begun per second on average, which makes up for a delay
	// with a burst. 0 is as many as possible.
	Rate float64
	// Duration of each run, after which none is begun. 0 is no bound.
	Duration time.Duration
	// Workers is how many connections are open at once, but for a pool; never more
	// than a tenth of the ports, as each holds one. 0 is 4.
	Workers int
	// MSL is lastack's; the kernel has none to set. 0 is its default, 30 s.
	MSL time.Duration
	// Progress is called once a second while connections are made. Nil is nothing.
	Progress func(Progress)
}

// Progress is how far a run has come.
type Progress struct {
	Mode, Subject string
	Elapsed       time.Duration
	Made, Failed  int
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
		c.Subjects = []string{Lastack, Kernel}
	}
	if c.Ports == (Range{}) {
		c.Ports = Ports(100)
	}
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.MSL == 0 {
		c.MSL = kernelLife / 2
	}
	if err := c.validate(); err != nil {
		return err
	}
	c.Workers = min(c.Workers, c.Ports.Len()/10)
	if c.Connections == 0 {
		c.Connections = 3 * c.Ports.Len()
		if c.Duration > 0 {
			c.Connections = math.MaxInt
		}
	}
	return nil
}

func (c *Config) validate() error {
	if c.Connections < 0 || c.Rate < 0 || c.Duration < 0 || c.Workers < 0 || c.MSL < 0 {
		return invalid("the number of connections or workers, the rate, the duration and the MSL cannot be negative")
	}
	for _, s := range c.Subjects {
		if s != Lastack && s != Kernel {
			return invalid("there is no subject %q; there are %s and %s", s, Lastack, Kernel)
		}
	}
	if err := c.Ports.validate(); err != nil {
		return err
	}
	for i, m := range c.Modes {
		if slices.Contains(c.Modes[:i], m) {
			return invalid("mode %s is given twice", m)
		}
		if m.pool > c.Ports.Len() {
			return invalid("mode %s needs %d ports and has %d", m, m.pool, c.Ports.Len())
		}
		if _, err := m.ports(c.Ports); err != nil {
			return err
		}
	}
	return nil
}
