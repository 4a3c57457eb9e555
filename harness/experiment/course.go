package experiment

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Course follows a Run for whoever waits for it: how many results there are, what is
// being tried, and how long the rest will take. Its methods may be called concurrently.
type Course struct {
	now   func() time.Time
	start time.Time
	total int
	// left is what the files let expect of what is not done yet, and gone of the rest.
	left, gone time.Duration

	mu     sync.Mutex
	takes  map[[2]string]time.Duration // by experiment and subject
	counts map[string]int              // results by verdict
	trying string
	since  time.Time // of trying
}

// Follow returns the Course of a Run of the experiments with the Config, whose
// Done, Trying and Progress it puts itself before.
func Follow(all []*Experiment, cfg *Config, now func() time.Time) *Course {
	c := &Course{now: now, start: now(), takes: map[[2]string]time.Duration{}, counts: map[string]int{}}
	for _, e := range all {
		for _, subject := range cfg.On() {
			d := e.takes(subject, cfg.Slow)
			c.takes[[2]string{e.Name, subject}] = d
			c.left += d
			c.total++
		}
	}
	done, trying, load := cfg.Done, cfg.Trying, cfg.Progress
	cfg.Done = func(e *Experiment, r *Result) {
		c.done(r)
		notify(done, e, r)
	}
	cfg.Trying = func(e *Experiment, r *Result) {
		c.try(r)
		notify(trying, e, r)
	}
	cfg.Progress = func(p Progress) {
		c.load(p)
		if load != nil {
			load(p)
		}
	}
	return c
}

// overhead is what raising a wire and looking at what became of it takes.
const overhead = 200 * time.Millisecond

// takes is how long an experiment should take: the times that its file names.
func (e *Experiment) takes(subject string, slow bool) time.Duration {
	if e.Reason(subject) != "" || e.Slow && !slow {
		return 0
	}
	once := time.Duration(0)
	for _, d := range e.Client.waits() {
		once += d
	}
	d := overhead + time.Duration(max(e.Repeat, 1))*once + time.Duration(e.Load.Duration)
	d += time.Duration(e.Expect.Lasts.MS.Min+float64(e.Expect.Rest.MS)) * time.Millisecond
	return d
}

func (c *Course) done(r *Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying = ""
	key := [2]string{r.Experiment, r.Subject}
	if _, ok := c.takes[key]; !ok { // a trial of programs, which is not counted
		c.start = c.start.Add(c.now().Sub(c.since))
		return
	}
	c.left, c.gone = c.left-c.takes[key], c.gone+c.takes[key]
	c.counts[r.Verdict]++
}

func (c *Course) try(r *Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying, c.since = r.Experiment+" on "+r.Subject, c.now()
	if r.Attempts > 0 {
		c.trying += fmt.Sprintf(", attempt %d", r.Attempts+1)
	}
}

func (c *Course) load(p Progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying = fmt.Sprintf("%s on %s, %d made, %d failed", p.Experiment, p.Subject, p.Made, p.Failed)
}

// results is how many there are.
func (c *Course) results() int { return c.counts[Pass] + c.counts[Fail] + c.counts[Skipped] }

// String is a line: "31 of 206, about 40s left: three-way on kernel, attempt 2".
func (c *Course) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	line := fmt.Sprintf("%d of %d", c.results(), c.total)
	if n := c.counts[Fail]; n > 0 {
		line += fmt.Sprintf(", %d failed", n)
	}
	if left := c.remaining(); left > 0 {
		line += fmt.Sprintf(", about %v left", left)
	}
	if c.trying != "" {
		line += ": " + c.trying
	}
	return line
}

// remaining is what is left, at the speed of what is done. While one experiment takes
// longer than it should the rest does not grow.
func (c *Course) remaining() time.Duration {
	pace := 1.0
	const enough = 5 * time.Second // for a speed to be known
	if c.gone > enough {
		pace = min(max(float64(c.now().Sub(c.start))/float64(c.gone), 0.5), 3)
	}
	left := time.Duration(float64(c.left) * pace)
	if over := c.now().Sub(c.start) - time.Duration(float64(c.gone)*pace); over > 0 {
		left -= min(over, left/2)
	}
	return left.Round(time.Second)
}

// Count says what there was when it ended early: "31 of 206 done: 29 passed, 1 failed, 1
// skipped; 175 not run".
func (c *Course) Count() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, v := range []struct{ verdict, word string }{{Pass, "passed"}, {Fail, "failed"}, {Skipped, "skipped"}} {
		if n := c.counts[v.verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.word))
		}
	}
	return fmt.Sprintf("%d of %d done: %s; %d not run", c.results(), c.total,
		cmp.Or(strings.Join(parts, ", "), "none"), c.total-c.results())
}
