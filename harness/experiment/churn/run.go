package churn

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Verdicts of a Result.
const (
	Pass = "pass"
	Fail = "fail"
)

// Result is what one mode came to with one subject.
type Result struct {
	Mode    string `json:"mode"`
	Subject string `json:"subject"`
	// Ports is how many the client had.
	Ports int `json:"ports"`
	// Attempted counts connections begun, Made those carried through, Requests
	// what they carried.
	Attempted int `json:"attempted"`
	Made      int `json:"made"`
	Requests  int `json:"requests"`
	// Failures counts the others by error.
	Failures map[string]int `json:"failures"`
	// First is the number, from 1, of the first connection that found no port
	// (EADDRNOTAVAIL); nil if all did.
	First *int `json:"first_eaddrnotavail"`
	// TimeWait counts the connections in TIME_WAIT at the end.
	TimeWait TimeWait `json:"time_wait"`
	// PerSecond is requests answered per second; those of failed connections
	// take their time and answer nothing.
	PerSecond float64 `json:"per_second"`
	Seconds   float64 `json:"seconds"`
	Verdict   string  `json:"verdict"`
	// Why says what was not as expected; empty in a pass.
	Why string `json:"why,omitempty"`
}

// TimeWait counts connections in TIME_WAIT on either side.
type TimeWait struct {
	Client int `json:"client"`
	Server int `json:"server"`
}

// Run carries out every mode with every subject, one after the other. An error
// means that it could not; what is not as expected is a Result with the verdict
// Fail.
func Run(ctx context.Context, cfg Config) ([]Result, error) {
	if err := cfg.Complete(); err != nil {
		return nil, err
	}
	var results []Result
	for _, m := range cfg.Modes {
		for _, subject := range cfg.Subjects {
			r, err := cfg.run(ctx, m, subject)
			if err != nil {
				return results, fmt.Errorf("%s with %s as the client: %w", m, subject, err)
			}
			results = append(results, *r)
		}
	}
	return results, nil
}

// run is one mode with one subject, on ground of its own.
func (c *Config) run(ctx context.Context, m Mode, subject string) (_ *Result, err error) {
	ports, err := m.ports(c.Ports)
	if err != nil {
		return nil, err
	}
	g, err := raise(ctx, subject, m, ports, c.MSL)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	begin, cancel := context.WithCancel(ctx)
	if c.Duration > 0 {
		begin, cancel = context.WithTimeout(ctx, c.Duration)
	}
	defer cancel()
	l := newLoad(begin, c, m, g, ports.Len())
	stop := c.report(l, subject)
	took, err := l.work(ctx)
	stop()
	if err != nil {
		return nil, err
	}
	r := &Result{Mode: m.String(), Subject: subject, Ports: ports.Len()}
	if r.TimeWait.Client, r.TimeWait.Server, err = g.timeWaits(ctx); err != nil {
		return nil, err
	}
	r.settle(l, took)
	return r, nil
}

// report calls Progress once a second until it is stopped.
func (c *Config) report(l *load, subject string) (stop func()) {
	if c.Progress == nil {
		return func() {}
	}
	tick := time.NewTicker(time.Second)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-tick.C:
				p := Progress{Mode: l.mode.String(), Subject: subject, Elapsed: time.Since(l.pace.start)}
				p.Made, p.Failed = l.tally.progress()
				c.Progress(p)
			case <-quit:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(quit)
		<-done
	}
}

// settle fills in what the load counted, and the verdict.
func (r *Result) settle(l *load, took time.Duration) {
	t := &l.tally
	r.Attempted, r.Made, r.Requests, r.Failures = t.attempted, t.made, t.answered, t.failures
	if r.Failures == nil {
		r.Failures = map[string]int{}
	}
	if t.first > 0 {
		r.First = &t.first
	}
	r.Seconds = took.Seconds()
	r.PerSecond = float64(t.answered) / r.Seconds
	r.Why = r.judge(l.mode, timing{overflow: t.overflow, end: took, life: l.ground.life})
	r.Verdict = Pass
	if r.Why != "" {
		r.Verdict = Fail
	}
}

// Passed reports whether every result is as expected, and there is one.
func Passed(results []Result) bool {
	for i := range results {
		if results[i].Verdict != Pass {
			return false
		}
	}
	return len(results) > 0
}
