package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lastack/harness/check"
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

// once is how long a proxy that serves one connection only may take to end behind it.
const once = 50 * time.Millisecond

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
	p, err := g.open(ctx)
	if err != nil {
		return r, g.explain(err)
	}
	p.close()
	if poll(ctx, once, g.dead) {
		return r, fmt.Errorf("the proxy ended after its first connection: %w (it must serve many; socat does with the option fork)", g.program.Death())
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

const (
	// tooLate is how long this process may be kept from running before a difference says
	// nothing: the shortest limit of a proxy's that is common is half a second.
	tooLate = 50 * time.Millisecond
	// attempts is how often a check is made while the machine is as busy as that.
	attempts = 3
)

// one makes one check, again where the machine was too busy to believe a difference.
func (g *ground) one(ctx context.Context, k kind) (c check.Check, err error) {
	for range attempts {
		clock := lab.StartLate(ctx)
		c, err = g.attempt(ctx, k)
		late := clock.Stop()
		if err != nil || c.Verdict != check.Differs || late < tooLate {
			return c, err
		}
		g.waits = nil
	}
	return c, err
}

// attempt makes one check once. A proxy that does not survive it is started again.
func (g *ground) attempt(ctx context.Context, k kind) (check.Check, error) {
	f := &finding{g: g}
	if g.program == nil && !g.cfg.NAT {
		f.skip = "the proxy did not start again"
		return f.check(k.name), nil
	}
	err := k.make(ctx, g, f)
	var closed *openError
	switch {
	case ctx.Err() != nil:
		return check.Check{}, context.Cause(ctx)
	case g.dead():
		g.program.Hear()
		f.differ(nil, "every connection through the proxy ends with it", "the proxy ended: %v", g.program.Death())
		if err := g.again(ctx); err != nil {
			f.note("it does not start again: %v", err)
		}
	case errors.As(err, &closed):
		f.differ(nil, "the proxy serves nobody until it recovers", "%v", err)
	case err != nil:
		return check.Check{}, fmt.Errorf("the check %s: %w", k.name, err)
	}
	return f.check(k.name), nil
}

// dead reports whether there was a program, and it serves no more.
func (g *ground) dead() bool {
	return g.program != nil && g.program.Ended() && !g.program.Listens()
}

// again starts the proxy anew.
func (g *ground) again(ctx context.Context) (err error) {
	g.program.Stop()
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
