package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lastack/harness/check"
	"lastack/harness/check/ends"
	"lastack/harness/lab"
	"lastack/harness/lab/middle"
)

// Result is what came of a run.
type Result struct {
	Checks []check.Check
	// Command is the proxy's with its places filled; empty with NAT.
	Command []string
}

// kind is one of the checks.
type kind struct {
	name string
	// make makes the check. An error means that no connection came about, or that the
	// ground gave way.
	make func(context.Context, *ground, *finding) error
	// takes is about how long that is. One that waits takes Config.Patience in addition,
	// all of them together; one that lingers takes that, too.
	takes          time.Duration
	waits, lingers bool
}

// all are the checks, in the order in which they are made: those come last that the proxy
// may not survive.
var all = []kind{
	{name: "close", make: closes, takes: 100 * time.Millisecond},
	{name: "half-close-client", make: by(halfClose, theClient), takes: 200 * time.Millisecond},
	{name: "half-close-server", make: by(halfClose, theServer), takes: 200 * time.Millisecond},
	{name: "data-after-half-close", make: dataAfterHalfClose, takes: 2 * time.Second},
	{name: "half-close-tolerance", make: tolerance, waits: true},
	{name: "reset-from-client", make: by(resets, theClient), takes: 100 * time.Millisecond},
	{name: "reset-from-server", make: by(resets, theServer), takes: 100 * time.Millisecond},
	{name: "refused", make: refused, takes: 100 * time.Millisecond},
	{name: "unreachable", make: unreachable, takes: 3 * time.Second},
	{name: "client-gone", make: clientGone, takes: time.Second},
	{name: "server-gone", make: serverGone, takes: time.Second},
	{name: "idle", make: idle, waits: true},
	{name: "keep-alive", make: keepAlive, waits: true},
	{name: "backpressure", make: backpressure, takes: time.Second},
	{name: "leak", make: leak, takes: 500 * time.Millisecond},
	{name: "restart", make: restart, lingers: true},
}

// by makes a check of one that is made from either side.
func by(do func(context.Context, *ground, *finding, side) error, first side) func(context.Context, *ground, *finding) error {
	return func(ctx context.Context, g *ground, f *finding) error { return do(ctx, g, f, first) }
}

// Run makes the checks. A difference is no error: an error means that the checks could not
// be made, since the command is no proxy or the machine does not allow it; the Result,
// which is never nil, has those until then.
func Run(ctx context.Context, c Config) (_ *Result, err error) {
	r := &Result{}
	if err := c.Validate(); err != nil {
		return r, err
	}
	r.Command, _ = middle.Fill(c.Command)
	g, err := raise(ctx, &c)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.serves(ctx); err != nil {
		return r, err
	}
	todo := slices.DeleteFunc(slices.Clone(all), func(k kind) bool { return !c.wants(k.name) })
	for i, k := range todo {
		if c.Begin != nil {
			c.Begin(c.progress(todo, i))
		}
		result, err := g.one(ctx, k)
		if err != nil {
			return r, err
		}
		r.Checks = append(r.Checks, result)
		if c.Done != nil {
			c.Done(&result)
		}
	}
	return r, nil
}

// serves reports an error where nothing passes through the proxy, or it ends behind its first
// connection. A second one is what it does not come to serve, however long it takes to end.
func (g *ground) serves(ctx context.Context) error {
	p, err := g.open(ctx)
	if err != nil {
		return g.explain(err)
	}
	p.close()
	if p, err = g.open(ctx); err == nil {
		p.close()
		return nil
	}
	if g.program != nil && poll(ctx, answer, g.dead) {
		return fmt.Errorf("the proxy ended after its first connection: %w (it must serve many; socat does with the option fork)", g.program.Death())
	}
	return context.Cause(ctx) // what else the proxy does to a second one, the checks will say
}

const (
	// tooLate is how long this process may be kept from running before a difference is
	// doubted, and the check made again.
	tooLate = 50 * time.Millisecond
	// hopeless is how long it may be before a difference is none: the shortest limit of a
	// proxy's that is common is half a second, and the proxy is kept from running as well.
	hopeless = 250 * time.Millisecond
	// attempts is how often a check is made while the machine is as busy as that.
	attempts = 3
)

// one makes one check.
func (g *ground) one(ctx context.Context, k kind) (check.Check, error) {
	scale := 1.0
	if k.waits { // a limit of a minute is not a second's lateness
		scale = max(1, g.cfg.Patience.Seconds()/defaultPatience.Seconds())
	}
	again := false
	return believe(scale, func() (tried, error) {
		if again {
			g.waits = nil
		}
		again = true
		clock := lab.StartLate(ctx)
		c, sure, err := g.attempt(ctx, k)
		late := clock.Stop()
		if k.waits && g.waits != nil {
			late = max(late, g.waits.late) // which an earlier check may have made
		}
		return tried{c, sure, late}, err
	})
}

// tried is what came of one attempt at a check.
type tried struct {
	check check.Check
	sure  bool          // a difference is one, however busy the machine
	late  time.Duration // this process was, at worst
}

// believe makes attempts until the machine is not too busy to believe what came of one. Where
// it stays so busy that a difference may be its own, nothing is said of the proxy. Lateness
// counts by a scale: 2 means that twice as much is as bad.
func believe(scale float64, attempt func() (tried, error)) (check.Check, error) {
	var best tried
	for n := range attempts {
		t, err := attempt()
		late := func(t tried) time.Duration { return time.Duration(float64(t.late) / scale) }
		switch {
		case err != nil || t.sure || t.check.Verdict != check.Differs || late(t) < tooLate:
			return t.check, err
		case n == 0 || t.late < best.late:
			best = t
		}
		if n == attempts-1 && late(best) >= hopeless {
			return doubt(best.check, best.late), nil
		}
	}
	return best.check, nil
}

// doubt turns a difference into none, since this process was as late as that.
func doubt(c check.Check, late time.Duration) check.Check {
	why := fmt.Sprintf("not measured: the machine kept this process from running for %s, so that a difference says nothing; try again when it is less busy. It seemed that %s", ends.Brief(late), c.How)
	return check.Conclude(check.Check{Name: c.Name}, why, nil, nil)
}

// attempt makes one check once. A proxy that does not survive it is started again, and its end
// is a difference that is sure, however busy the machine.
func (g *ground) attempt(ctx context.Context, k kind) (_ check.Check, sure bool, err error) {
	f := &finding{g: g}
	if g.program == nil && !g.cfg.NAT {
		f.skip = "the proxy did not start again"
		return f.check(k.name), false, nil
	}
	err = k.make(ctx, g, f)
	var closed *openError
	switch {
	case ctx.Err() != nil:
		return check.Check{}, false, context.Cause(ctx)
	case g.dead():
		sure = true
		g.program.Hear()
		f.differ(nil, "every connection through the proxy ends with it", "the proxy ended: %v", g.program.Death())
		if err := g.again(ctx); err != nil {
			f.note("it does not start again: %v", err)
		}
	case errors.As(err, &closed):
		f.differ(nil, "the proxy serves nobody until it recovers", "%v", err)
	case err != nil:
		return check.Check{}, false, fmt.Errorf("the check %s: %w", k.name, err)
	}
	return f.check(k.name), sure, nil
}

// dead reports whether there was a program, and it serves no more.
func (g *ground) dead() bool {
	return g.program != nil && g.program.Ended() && !g.program.Listens()
}

// again starts the proxy anew.
func (g *ground) again(ctx context.Context) (err error) {
	g.program.Stop()
	g.empty = nil
	g.program, err = middle.Start(ctx, g.path, middle.Config{Command: g.cfg.Command, Ready: g.cfg.Ready})
	return err
}

// explain adds to an error what the proxy printed.
func (g *ground) explain(err error) error {
	if g.program == nil {
		return err
	}
	return fmt.Errorf("%s listens at %s, but %w; its output: %s", g.program.Name(), middle.ListenAt, err, g.program.Said())
}
