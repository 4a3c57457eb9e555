package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"

	"lastack/harness/capture"
	"lastack/harness/check"
	"lastack/harness/check/watch"
	"lastack/stack/segment"
)

// Result is what came of a run.
type Result struct {
	Checks []check.Check
	// Captured tells whether the connections were captured; else Why says why not.
	Captured bool
	Why      string
	// Connections is how many were made.
	Connections int
}

// run is a run under way.
type run struct {
	cfg   *Config
	at    netip.AddrPort
	watch *watch.Watch // nil where capturing is not allowed
	made  int
}

// kind is one of the checks.
type kind struct {
	name string
	// asks: it needs something to send.
	asks bool
	// most is how many connections it makes at most.
	most int
	// waits: it leaves a connection idle for as long as the service does, up to the patience.
	waits bool
	make  func(context.Context, *run, *finding) error
}

var all = []kind{
	{"close", false, 1, false, closes},
	{"time-wait", false, 1, false, timeWait},
	{"half-close", false, 2, false, halfClose},
	{"unread-data", true, 1, false, unreadData},
	{"idle", false, 1, true, idle},
	{"keep-alive-race", true, 1, true, keepAliveRace},
}

// Names are the names of the checks, in the order in which they are made.
func Names() (names []string) {
	for _, k := range all {
		names = append(names, k.name)
	}
	return names
}

func (c *Config) wants(name string) bool { return len(c.Only) == 0 || slices.Contains(c.Only, name) }

// Most is how many connections a run makes at most.
func (c *Config) Most() (n int) {
	for _, k := range all {
		if c.wants(k.name) && (!k.asks || c.Send != "") {
			n += k.most
		}
	}
	return n
}

// Run makes the checks. An error means that they could not be made: the service does not
// let anybody connect. The Result is never nil: it has the checks
// until then.
func Run(ctx context.Context, c Config) (_ *Result, err error) {
	result := &Result{Captured: true}
	if err := c.Validate(); err != nil {
		return result, err
	}
	r := &run{cfg: &c}
	if r.at, err = resolve(ctx, c.Address); err != nil {
		return result, err
	}
	if r.watch, err = r.capture(ctx); err != nil {
		result.Captured, result.Why = false, err.Error()
	} else {
		defer func() { err = errors.Join(err, r.watch.Close()) }()
	}
	todo := slices.DeleteFunc(slices.Clone(all), func(k kind) bool { return !c.wants(k.name) })
	for i, k := range todo {
		if c.Begin != nil {
			c.Begin(c.progress(todo, i))
		}
		f := &finding{run: r}
		if k.asks && c.Send == "" {
			f.skip = "give --send TEXT, which the service answers"
		} else if err := k.make(ctx, r, f); err != nil && ctx.Err() == nil {
			return result, fmt.Errorf("the check %s of %s: %w", k.name, c.Address, err)
		}
		if ctx.Err() != nil {
			return result, context.Cause(ctx)
		}
		made := f.check(k.name)
		result.Checks = append(result.Checks, made)
		if c.Done != nil {
			c.Done(&made)
		}
	}
	result.Connections = r.made
	return result, nil
}

// resolve picks one address of the service, so that all connections go to the same.
func resolve(ctx context.Context, address string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("looking up %s: %w", host, err)
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addrs[0].Unmap(), uint16(n)), nil
}

// capture begins to capture what goes to the service, where that is allowed.
func (r *run) capture(ctx context.Context) (*watch.Watch, error) {
	c := watch.Config{Match: func(s *segment.Segment) bool {
		at := segment.EndpointFrom(r.at)
		return s.Src == at || s.Dst == at
	}}
	// Without a filter everything is looked at here, which costs more.
	if f, err := capture.CompileFilter(ctx, fmt.Sprintf("tcp port %d and host %s", r.at.Port(), r.at.Addr().WithZone(""))); err == nil {
		c.Filter = f
	}
	w, err := watch.Open(capture.AnyInterface, c)
	if errors.Is(err, fs.ErrPermission) {
		err = errors.New("capturing needs CAP_NET_RAW")
	}
	return w, err
}

// finding is what a check finds out as it goes.
type finding struct {
	run     *run
	notes   []string
	differs []string
	breaks  string
	skip    string
	legs    []check.Leg
}

func (f *finding) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

func (f *finding) differ(breaks, format string, args ...any) {
	f.differs = append(f.differs, fmt.Sprintf(format, args...))
	if f.breaks == "" {
		f.breaks = breaks
	}
}

// show keeps a connection as evidence, where it was captured.
func (f *finding) show(c *conn) {
	if f.run.watch == nil {
		return
	}
	if report, ok := f.run.watch.Report(c.own(), f.run.at); ok {
		f.legs = append(f.legs, check.Leg{Name: "connection", Client: "lastack check", Server: f.run.cfg.Address, Report: report})
	}
}

func (f *finding) check(name string) check.Check {
	return check.Conclude(check.Check{Name: name, Breaks: f.breaks, Legs: f.legs}, f.skip, f.differs, f.notes)
}
