package metrics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lastack/harness/host/monitor"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// DefaultTop is how many destinations of a target are told apart.
	DefaultTop = 20
	// MaxTop is the most that may be.
	MaxTop = 1000
	// MaxProcesses of a target are told apart.
	MaxProcesses = 20
	// MaxTargets are looked at.
	MaxTargets = 100
	// DefaultInterval is between two looks.
	DefaultInterval = 15 * time.Second
	// lookTimeout is how long a look may take, unless the interval is longer.
	lookTimeout = 10 * time.Second
	// missed looks make the latest one too old to show.
	missed = 3
)

// Target is one set of sockets.
type Target struct {
	// Name is the label netns, "" for the exporter's own namespace. No two targets have
	// the same.
	Name   string
	Source monitor.Source
}

// Config says what to export.
type Config struct {
	// Targets lists what to look at now, and how many targets it left out. It is called
	// before each round; a target keeps its history as long as its name is listed.
	// It is required.
	Targets func() (list []Target, left int, err error)
	// Interval between looks; 0 is DefaultInterval.
	Interval time.Duration
	// Now is the time; nil means time.Now.
	Now func() time.Time
	// Trouble takes what goes wrong and ends nothing, once for each new thing; it may be nil.
	Trouble func(string)
	// Baseline remembers earlier numbers; nil is one that is empty. It is Run's while that
	// runs. State is the file it is saved in each monitor.SaveEvery and at the end; "" is none.
	Baseline *monitor.Baseline
	State    string
}

// Exporter looks again and again and shows the latest looks. Make it with New. It is a
// prometheus.Collector, for any number of goroutines.
type Exporter struct {
	cfg Config

	// trackers and said are Run's own.
	trackers map[string]*monitor.Tracker
	said     map[string]string

	mu    sync.Mutex
	shown map[string]snapshot
	left  int
	known bool // left is
}

// snapshot is what is shown of a target.
type snapshot struct {
	at      time.Time
	metrics []prometheus.Metric // nil after a failure
}

// New makes an Exporter, which shows nothing until Run has taken a look.
func New(c Config) (*Exporter, error) {
	if c.Targets == nil {
		return nil, errors.New("metrics: Config.Targets is required")
	}
	if c.Interval < 0 {
		return nil, fmt.Errorf("metrics: Config.Interval: %v is not a time to wait", c.Interval)
	}
	c.Interval = cmp.Or(c.Interval, DefaultInterval)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Trouble == nil {
		c.Trouble = func(string) {}
	}
	if c.Baseline == nil {
		c.Baseline = monitor.NewBaseline()
	}
	return &Exporter{
		cfg: c, shown: map[string]snapshot{},
		trackers: map[string]*monitor.Tracker{}, said: map[string]string{},
	}, nil
}

// Run looks at once and after each interval, until ctx ends, which is no error.
func (e *Exporter) Run(ctx context.Context) {
	tick := time.NewTicker(e.cfg.Interval)
	defer tick.Stop()
	saved := e.cfg.Now()
	defer e.save()
	for {
		e.round(ctx)
		if now := e.cfg.Now(); now.Sub(saved) >= monitor.SaveEvery {
			saved = now
			e.save()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// save writes the state down. Without, looks go on.
func (e *Exporter) save() {
	if e.cfg.State != "" {
		e.trouble("state", "", "keep what was seen", e.cfg.Baseline.Save(e.cfg.State))
	}
}

// round looks at every target, and forgets those that are gone.
func (e *Exporter) round(ctx context.Context) {
	list, left, err := e.cfg.Targets()
	e.trouble("list", "", "list what to look at", err)
	if err != nil {
		return // what is shown grows old
	}
	if len(list) > MaxTargets {
		left += len(list) - MaxTargets
		list = list[:MaxTargets]
	}
	listed := map[string]bool{}
	for _, t := range list {
		listed[t.Name] = true
	}
	e.mu.Lock()
	e.left, e.known = left, true
	for name := range e.shown {
		if !listed[name] {
			delete(e.shown, name)
		}
	}
	e.mu.Unlock()
	for name := range e.trackers {
		if !listed[name] {
			delete(e.trackers, name)
			delete(e.said, name+"\x00look")
			e.cfg.Baseline.Forget(name)
		}
	}
	for _, t := range list {
		e.look(ctx, t)
	}
}

func (e *Exporter) look(ctx context.Context, t Target) {
	began := e.cfg.Now()
	limited, cancel := context.WithTimeout(ctx, max(lookTimeout, e.cfg.Interval))
	defer cancel()
	sample, err := t.Source.Look(limited)
	if ctx.Err() != nil {
		return
	}
	e.trouble("look", t.Name, "look at "+t.Source.Name(), err)
	s := snapshot{at: e.cfg.Now()}
	if err == nil {
		tracker := e.trackers[t.Name]
		if tracker == nil {
			tracker = monitor.NewTracker(nil)
			tracker.Remember(e.cfg.Baseline, t.Name)
			e.trackers[t.Name] = tracker
		}
		report := tracker.Report(s.at, e.cfg.Interval, sample)
		s.metrics = render(t.Name, sample, report, s.at.Sub(began))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shown[t.Name] = s
}

// trouble reports an error unless it is the same as before.
func (e *Exporter) trouble(kind, target, doing string, err error) {
	key := target + "\x00" + kind
	if err == nil {
		delete(e.said, key)
		return
	}
	text := doing + ": " + err.Error()
	if e.said[key] != text {
		e.said[key] = text
		e.cfg.Trouble(text)
	}
}

// Describe describes nothing: which metrics there are depends on what can be read.
func (e *Exporter) Describe(chan<- *prometheus.Desc) {}

// Collect shows the latest look of each target.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known {
		ch <- gauge(leftOut, float64(e.left))
	}
	oldest := e.cfg.Now().Add(-missed * max(e.cfg.Interval, lookTimeout))
	for name, s := range e.shown {
		if s.metrics == nil || s.at.Before(oldest) {
			ch <- gauge(lookSuccess, 0, name)
			continue
		}
		ch <- gauge(lookSuccess, 1, name)
		for _, m := range s.metrics {
			ch <- m
		}
	}
}
