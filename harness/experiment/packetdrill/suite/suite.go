package suite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/script"
)

// Config says what to run, and on what.
type Config struct {
	Parse script.Config
	Run   packetdrill.Config
	// Subject makes a subject, with addresses, for a script. Required.
	Subject func(context.Context, packetdrill.Addresses) (packetdrill.Subject, error)
	// Jobs is how many scripts run at a time; 0 stands for one.
	Jobs int
	// Tries is how often a script that fails within ten seconds is tried, as a busy machine makes
	// subjects in real time late; 0 stands for once.
	Tries int
	// Timeout is how long a script may take in real time; 0 stands for two minutes.
	Timeout time.Duration
	// Known are the differences that are expected; nil for none.
	Known *Known
	// Done, if not nil, is called with each result, in the order of the files, as soon as it
	// is there.
	Done func(*Result)
}

const defaultTimeout = 2 * time.Minute

// Verdicts.
const (
	Pass  = "pass"
	Fail  = "fail"  // the subject does otherwise than the script says
	Error = "error" // the script cannot be read or run
)

// Result is what came of one script.
type Result struct {
	File    string `json:"file"`
	Verdict string `json:"verdict"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Why     string `json:"why,omitempty"`
	// Expected and Got are what differs, in the script's words.
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got,omitempty"`
	// Known is the difference that was expected, and Surprise that the verdict is not what
	// the file of known differences says.
	Known    *Difference `json:"known,omitempty"`
	Surprise bool        `json:"surprise,omitempty"`
	// VirtualUS is how long the script took, in microseconds of the subject's time.
	SubjectUS int64    `json:"subject_us"`
	Notes     []string `json:"notes,omitempty"`
	// Tries is how often the script was tried, if more than once.
	Tries int `json:"tries,omitempty"`

	// Outcome is nil if the script could not be read.
	Outcome *packetdrill.Outcome `json:"-"`
	// Unread: the script could not be read.
	Unread bool `json:"-"`
}

// OK reports whether the result is as it should be: a pass, or a difference that is known.
func (r *Result) OK() bool { return !r.Surprise && (r.Verdict == Pass || r.Known != nil) }

// Run runs the scripts. It returns early, with ctx's error, if ctx ends. The results are in
// the order of the files.
func Run(ctx context.Context, files []string, cfg Config) ([]*Result, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	ctx, stop := context.WithCancel(ctx)
	var all []*Result
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for _, o := range begin(ctx, &wg, files, &cfg) {
		// A result that is there counts before the end of ctx does.
		got := <-o
		if got.err != nil {
			return all, got.err
		}
		cfg.Known.judge(got.result)
		all = append(all, got.result)
		if cfg.Done != nil {
			cfg.Done(got.result)
		}
	}
	return all, nil
}

// WithUnrun is the results of a Run that ended early, with an Error, for that reason, for each
// of the files that it did not come to.
func WithUnrun(files []string, results []*Result, why string) []*Result {
	whole := slices.Clone(results)
	for _, f := range files[len(results):] {
		whole = append(whole, &Result{File: f, Verdict: Error, Why: why})
	}
	return whole
}

// finished is what one script ended with.
type finished struct {
	result *Result
	err    error
}

// begin runs the scripts, as many at a time as may be, and returns where each result will
// be.
func begin(ctx context.Context, wg *sync.WaitGroup, files []string, cfg *Config) []chan finished {
	out := make([]chan finished, len(files))
	next := make(chan int, len(files))
	for i := range files {
		out[i] = make(chan finished, 1)
		next <- i
	}
	close(next)
	for range min(max(cfg.Jobs, 1), len(files)) {
		wg.Go(func() {
			for i := range next {
				if err := ctx.Err(); err != nil {
					out[i] <- finished{nil, err}
					continue
				}
				r, err := one(ctx, files[i], cfg)
				out[i] <- finished{r, err}
			}
		})
	}
	return out
}

// mostAgain is how long a try may have taken after which there is another: who is late by
// milliseconds is so in short scripts.
const mostAgain = 10 * time.Second

// one runs one script, until it does not fail or has been tried often enough. An error is
// the machine's, or ctx's.
func one(ctx context.Context, file string, cfg *Config) (*Result, error) {
	var before string
	for n := 1; ; n++ {
		r, err := try(ctx, file, cfg)
		switch {
		case err != nil:
			return nil, err
		case r.Verdict == Fail && n < cfg.Tries && r.SubjectUS < mostAgain.Microseconds():
			before = fmt.Sprintf("try %d: line %d: %s", n, r.Line, r.Why)
			continue
		case n > 1:
			r.Tries = n
			r.Notes = append(r.Notes, fmt.Sprintf("this is try %d; %s", n, before))
		}
		return r, nil
	}
}

func try(ctx context.Context, file string, cfg *Config) (*Result, error) {
	r := &Result{File: file, Verdict: Pass}
	s, err := packetdrill.Load(ctx, file, cfg.Parse)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		r.Unread = true
		r.blame(err)
		return r, nil
	}
	run := cfg.Run
	if run.Addresses == (packetdrill.Addresses{}) {
		run.Addresses = packetdrill.DefaultAddresses()
	}
	if run.Addresses, err = run.Addresses.Of(s); err != nil {
		r.blame(err)
		return r, nil
	}
	subject, err := cfg.Subject(ctx, run.Addresses)
	if err != nil {
		return nil, fmt.Errorf("making a subject for %s: %w", file, err)
	}
	o, err := bounded(ctx, s, subject, run, cfg.Timeout)
	if err != nil {
		return nil, err
	}
	r.Outcome, r.Notes, r.SubjectUS = o, o.Notes, o.Took.Microseconds()
	r.blame(o.Err)
	return r, nil
}

var errTimeout = errors.New("the script has taken too long in real time")

// grace is how long a subject that does not heed its context is waited for.
var grace = 5 * time.Second

// bounded runs a script within the bound in real time. A subject that never comes to rest
// and heeds nothing is left behind.
func bounded(ctx context.Context, s *script.Script, subject packetdrill.Subject, run packetdrill.Config, timeout time.Duration) (*packetdrill.Outcome, error) {
	limited, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	done := make(chan *packetdrill.Outcome, 1)
	closed := make(chan error, 1)
	go func() {
		done <- packetdrill.Run(limited, s, subject, run)
		closed <- subject.Close()
	}()
	var o *packetdrill.Outcome
	select {
	case o = <-done:
	case <-limited.Done():
		select {
		case o = <-done:
		case <-time.After(grace):
			o = &packetdrill.Outcome{Err: fmt.Errorf("%s: %w (%v), and the subject does not let go", s.File, errTimeout, timeout)}
			return o, ctx.Err()
		}
	}
	if err := <-closed; err != nil && o.Err == nil {
		o.Err = fmt.Errorf("%s: closing the subject: %w", s.File, err)
	}
	return o, ctx.Err()
}

// blame fills in the verdict and why.
func (r *Result) blame(err error) {
	if err == nil {
		return
	}
	r.Verdict, r.Why = Error, err.Error()
	var fail *packetdrill.Failure
	var unable *packetdrill.Unable
	var wrong *script.Error
	at := func(p script.Pos, why string) { r.Line, r.Column, r.Why = p.Line, p.Column, why }
	switch {
	case errors.As(err, &fail):
		r.Verdict, r.Expected, r.Got = Fail, fail.Expected, fail.Got
		at(fail.Pos, fail.Why)
	case errors.As(err, &unable):
		at(unable.Pos, unable.Why)
	case errors.As(err, &wrong):
		at(wrong.Pos, wrong.Text)
	}
}

// name is that of a script in a file of known differences.
func name(file string) string {
	base := filepath.Base(file)
	return base[:len(base)-len(filepath.Ext(base))]
}
