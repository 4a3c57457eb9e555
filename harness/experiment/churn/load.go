package churn

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// load is the work of one run. One goroutine connects, so that the number of a
// connection is also its place in the order in which ports are taken; each
// connection is then used by a goroutine of its own.
type load struct {
	mode   Mode
	ground *ground
	pace   *pace
	tally  tally
	ports  int
	limit  int             // connections, or requests where connections are kept
	begin  context.Context // ends when nothing more may begin

	slots chan struct{} // has one in it for each open connection
	open  sync.WaitGroup
	asked atomic.Int64 // requests over connections that are kept
}

func newLoad(begin context.Context, cfg *Config, m Mode, g *ground, ports int) *load {
	return &load{
		mode: m, ground: g, pace: newPace(cfg.Rate, m, ports), ports: ports,
		limit: cfg.Connections, begin: begin, slots: make(chan struct{}, max(cfg.Workers, m.pool)),
	}
}

// work returns when all is done, begin has ended and what was begun is over, or
// ctx ends; and how long that took.
func (l *load) work(ctx context.Context) (time.Duration, error) {
	err := l.ground.client.Do(func() error {
		if l.mode.pool > 0 {
			l.kept(ctx)
		} else {
			l.short(ctx)
		}
		return nil
	})
	l.open.Wait()
	took := time.Since(l.pace.start)
	if cause := context.Cause(ctx); cause != nil {
		return took, cause // what broke, broke because of it
	}
	return took, err
}

// short makes a connection for each request.
func (l *load) short(ctx context.Context) {
	for n := 1; n <= l.limit; n++ {
		l.slots <- struct{}{}
		if l.pace.wait(l.begin, n) != nil {
			return
		}
		l.start(ctx, n, l.exchange)
	}
}

// kept makes the connections that share all the requests.
func (l *load) kept(ctx context.Context) {
	for n := 1; n <= min(l.mode.pool, l.limit); n++ {
		l.slots <- struct{}{}
		l.start(ctx, n, l.askAll)
	}
}

// start makes connection n, in a slot taken for it, and has use go on with it,
// which closes it.
func (l *load) start(ctx context.Context, n int, use func(*line) error) {
	l.tally.attempt(n, l.ports, time.Since(l.pace.start))
	c, err := connect(ctx, l.ground)
	if err != nil {
		l.over(ctx, n, err)
		return
	}
	l.open.Go(func() {
		err := use(c)
		if err != nil {
			_ = c.Close() // what went wrong before says more
		}
		l.over(ctx, n, err)
	})
}

// over ends connection n. What broke because of the end of ctx does not count.
func (l *load) over(ctx context.Context, n int, err error) {
	if ctx.Err() == nil {
		l.tally.end(n, err)
	}
	l.pace.over()
	<-l.slots
}

// exchange is one short connection from its first byte to its close.
func (l *load) exchange(c *line) error {
	if err := c.ask(); err != nil {
		return err
	}
	l.tally.answer()
	if l.mode.serverFirst {
		return c.closeSecond()
	}
	return c.closeFirst()
}

// askAll sends requests over one connection until there are no more, and closes it.
func (l *load) askAll(c *line) error {
	for {
		n := int(l.asked.Add(1))
		if n > l.limit || l.pace.wait(l.begin, n) != nil {
			return c.closeFirst()
		}
		if err := c.ask(); err != nil {
			return err
		}
		l.tally.answer()
	}
}
