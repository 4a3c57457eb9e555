package programs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lastack/harness/lab"
)

// serverLimits are when servers close a connection that nobody uses: Apache's httpd after 5 s,
// many after 60, nginx after 75.
var serverLimits = []time.Duration{5 * time.Second, 60 * time.Second, 75 * time.Second}

// idleConnections is how many connections are left idle.
const idleConnections = 10

// margin is for the two sides' timers to be over.
const margin = 500 * time.Millisecond

// idles tries each pool against each server, all at the same time: it is waiting.
func (p *pools) idles(ctx context.Context) ([]Idle, error) {
	var kinds []*kind
	for i := range p.kinds {
		if p.kinds[i].idle {
			kinds = append(kinds, &p.kinds[i])
		}
	}
	all := make([]Idle, len(kinds)*len(serverLimits))
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, k := range kinds {
		for j, limit := range serverLimits {
			n := i*len(serverLimits) + j
			wait.Go(func() {
				idle, err := p.idle(ctx, k, limit)
				if err != nil {
					errs[n] = fmt.Errorf("%s, idle for %v: %w", k.name, limit, err)
					return
				}
				all[n] = *idle
			})
		}
	}
	wait.Wait()
	return all, errors.Join(errs...)
}

func (p *pools) idle(ctx context.Context, k *kind, limit time.Duration) (_ *Idle, err error) {
	i := &Idle{Pool: k.called(), Figures: k.figures, ServerSeconds: int(limit.Seconds())}
	keeps, closes := keep/p.scale, limit/p.scale
	if k.own > 0 {
		keeps = k.own
	}
	i.KeepMS, i.ServerMS = keeps.Milliseconds(), closes.Milliseconds()
	s, err := p.serve(closes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	set := p.settings(k, s.url())
	c, err := k.make(ctx, set)
	if err != nil {
		return nil, err
	}
	if _, _, err = c.load(ctx, idleConnections, 0); err != nil {
		return nil, err
	}
	i.Opened = s.accepted()
	short, long := min(keeps, closes), max(keeps, closes)
	at := time.Duration(0)
	// Java's HttpURLConnection looks every 5 s, so that some go after twice its limit.
	for _, next := range []time.Duration{short, min(2*short, long), long} {
		if err := pause(ctx, next+margin-at); err != nil {
			return nil, err
		}
		at = next + margin
		if err := i.look(p, s.port); err != nil {
			return nil, err
		}
	}
	_, i.Failed, err = c.load(ctx, idleConnections, 0)
	i.Reopened = s.accepted() - i.Opened
	return i, err
}

// look counts the sockets as they are now, and who has closed first, of which a TIME_WAIT
// may be over at the next look.
func (i *Idle) look(p *pools, port uint16) (err error) {
	if i.Client, err = count(p.w.Near, func(s *lab.Socket) uint16 { return s.Remote.Port() }, port); err != nil {
		return err
	}
	if i.Server, err = count(p.far, func(s *lab.Socket) uint16 { return s.Local.Port() }, port); err != nil {
		return err
	}
	i.ClientFirst, i.ServerFirst = max(i.ClientFirst, closedFirst(i.Client)), max(i.ServerFirst, closedFirst(i.Server))
	return nil
}

func closedFirst(n map[string]int) int {
	return n["FIN_WAIT_1"] + n["FIN_WAIT_2"] + n["CLOSING"] + n["TIME_WAIT"]
}
