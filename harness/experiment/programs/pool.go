package programs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/wire"
)

// The figures of the claim: connections in all, those of a route, and how long one is
// kept while nobody uses it.
const (
	inAll  = 200
	aRoute = 20
	keep   = 60 * time.Second
)

// atOnce are the numbers of requests at once.
var atOnce = []int{10, 20, 50}

// settings are a pool's; route 0 leaves all as it is by default.
type settings struct {
	url          string
	route, total int
	keep         time.Duration
}

// pool makes requests that are not repeated if they fail: POST.
type pool interface {
	// load makes requests with n workers until the time is over, one each at least.
	load(ctx context.Context, n int, d time.Duration) (requests, failed int, err error)
}

// kind is a library with the numbers that its pools get.
type kind struct {
	name string
	// figures: it has those of the claim.
	figures bool
	make    func(ctx context.Context, s settings) (pool, error)
	// own is how long it keeps a connection where that cannot be set; 0 is what it is told.
	own time.Duration
	// idle: it is tried with nothing to do, too.
	idle bool
}

// pools is what the pools are tried on.
type pools struct {
	w     *wire.Wire
	far   wire.Side
	kinds []kind
	scale time.Duration // what the times are divided by
	port  uint16        // of the latest server
	mu    sync.Mutex
}

func tryPools(ctx context.Context, r *Result, subject wire.Subject, cfg Config) (err error) {
	w, err := wire.Raise(ctx, wire.Config{
		Subject: subject, Apart: true, Link: "link", FarLink: "far",
		NearAddr: netip.MustParsePrefix("10.77.0.1/24"), FarAddr: netip.MustParseAddr("10.77.0.2"),
		FarSettings: cfg.Settings,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p := &pools{w: w, far: w.Far.(wire.Side), scale: 20, port: 8000}
	if cfg.Slow {
		p.scale = 1
	}
	g := goKind(w.Near)
	p.kinds = []kind{{name: "Go", make: g}, {name: "Go", figures: true, make: g, idle: true}}
	java, err := startPools(ctx, w.Near, keep/p.scale)
	var missing *lab.MissingError
	switch {
	case errors.As(err, &missing):
		r.Skipped = append(r.Skipped, "Java: "+missing.Error())
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, java.close()) }()
		p.kinds = append(p.kinds, java.kinds()...)
	}
	if r.Loads, err = p.loads(ctx, cfg.Slow); err != nil {
		return err
	}
	r.Idles, err = p.idles(ctx)
	return err
}

// called is the pool's name, with its numbers unless they are the default ones.
func (k *kind) called() string {
	if k.figures {
		return fmt.Sprintf("%s, %d/route", k.name, aRoute)
	}
	return k.name
}

// settings are those of a pool of the kind.
func (p *pools) settings(k *kind, url string) settings {
	if k.figures {
		return settings{url, aRoute, inAll, keep / p.scale}
	}
	return settings{url: url}
}

// loads tries each pool with each number of requests at once, against a server of its own.
func (p *pools) loads(ctx context.Context, slow bool) (all []Load, err error) {
	d := 400 * time.Millisecond
	if slow {
		d = 2 * time.Second
	}
	for i := range p.kinds {
		for _, n := range atOnce {
			l, err := p.load(ctx, &p.kinds[i], n, d)
			if err != nil {
				return nil, fmt.Errorf("%s, %d at once: %w", p.kinds[i].called(), n, err)
			}
			all = append(all, *l)
		}
	}
	return all, nil
}

func (p *pools) load(ctx context.Context, k *kind, n int, d time.Duration) (_ *Load, err error) {
	s, err := p.serve(0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c, err := k.make(ctx, p.settings(k, s.url()))
	if err != nil {
		return nil, err
	}
	l := &Load{Pool: k.called(), Figures: k.figures, AtOnce: n}
	begin := time.Now()
	if l.Requests, l.Failed, err = c.load(ctx, n, d); err != nil {
		return nil, err
	}
	l.Seconds, l.Opened = time.Since(begin).Seconds(), s.accepted()
	states, err := count(p.w.Near, func(s *lab.Socket) uint16 { return s.Remote.Port() }, s.port)
	l.TimeWait = states["TIME_WAIT"]
	return l, err
}

// count counts a side's connections by state that have the port at the end that of tells.
func count(side wire.Server, of func(*lab.Socket) uint16, port uint16) (map[string]int, error) {
	all, err := side.Sockets()
	if err != nil {
		return nil, err
	}
	n := map[string]int{}
	for i := range all {
		if of(&all[i]) == port && all[i].Remote.IsValid() && all[i].Remote.Port() != 0 {
			n[all[i].State]++
		}
	}
	return n, nil
}
