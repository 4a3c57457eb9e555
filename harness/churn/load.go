package churn

import (
	"context"
	"errors"
	"sync"
	"time"
)

// load is the work of one run, which its workers share.
type load struct {
	mode   Mode
	ground *ground
	pace   *pace
	tally  tally
	ports  int
	limit  int             // connections, or requests where connections are kept
	begin  context.Context // ends when nothing more may begin

	turn  chan struct{} // who has put one in begins the next
	begun int
}

func newLoad(begin context.Context, m Mode, g *ground, ports, limit int, rate float64) *load {
	return &load{
		mode: m, ground: g, pace: newPace(rate, m, ports),
		ports: ports, limit: limit, begin: begin, turn: make(chan struct{}, 1),
	}
}

// work runs the workers until all is done, begin ends or one cannot go on. It
// returns how long that took.
func (l *load) work(ctx context.Context, workers int) (time.Duration, error) {
	one := l.short
	if l.mode.pool > 0 {
		workers, one = min(l.mode.pool, l.limit), l.kept
	}
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			errs[i] = l.ground.client.within(func() error { return one(ctx) })
		})
	}
	wg.Wait()
	took := time.Since(l.pace.start)
	if err := context.Cause(ctx); err != nil {
		return took, err // what broke, broke because of it
	}
	return took, errors.Join(errs...)
}

// next waits for the moment at which one more may begin, and numbers it from 1;
// 0 is that none may. The turn is held.
func (l *load) next() int {
	if l.begun >= l.limit || l.pace.wait(l.begin, l.begun+1) != nil {
		return 0
	}
	l.begun++
	return l.begun
}

// short is a worker that makes a connection for each request.
func (l *load) short(ctx context.Context) error {
	for {
		n, c, err := l.open(ctx)
		if n == 0 {
			return nil
		}
		if err == nil {
			err = l.exchange(c)
		}
		if ctx.Err() != nil {
			return nil
		}
		l.tally.end(n, err)
		l.pace.over()
	}
}

// open connects when its turn has come. One handshake at a time, so that a
// connection's number is also its place in the order in which ports are taken.
func (l *load) open(ctx context.Context) (n int, c *line, err error) {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if n = l.next(); n == 0 {
		return 0, nil, nil
	}
	l.tally.attempt(n, l.ports, time.Since(l.pace.start))
	c, err = connect(ctx, l.ground)
	return n, c, err
}

// exchange is one short connection from its first byte to its close.
func (l *load) exchange(c *line) error {
	err := c.ask()
	if err == nil {
		l.tally.answer()
		if l.mode.serverFirst {
			err = c.closeSecond()
		} else {
			err = c.closeFirst()
		}
	}
	if err != nil {
		_ = c.Close() // what went wrong before says more
	}
	return err
}

// kept is a worker that makes one connection and sends its share of the requests.
func (l *load) kept(ctx context.Context) error {
	l.turn <- struct{}{}
	n := l.tally.attempted + 1
	l.tally.attempt(n, l.ports, time.Since(l.pace.start))
	c, err := connect(ctx, l.ground)
	<-l.turn
	if err == nil {
		err = l.askAll(c)
	}
	if ctx.Err() == nil {
		l.tally.end(n, err)
	}
	return nil
}

// askAll sends requests over one connection until there are no more, and closes it.
func (l *load) askAll(c *line) error {
	for {
		l.turn <- struct{}{}
		n := l.next()
		<-l.turn
		if n == 0 {
			return c.closeFirst()
		}
		if err := c.ask(); err != nil {
			_ = c.Close() // what went wrong before says more
			return err
		}
		l.tally.answer()
	}
}
