package experiment

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lastack/harness/lab/wire"
	"lastack/stack/tunable"
)

// Progress is how far a load has come.
type Progress struct {
	Experiment, Subject string
	Elapsed             time.Duration
	Made, Failed        int
}

const (
	// kernelLife is how long Linux keeps TIME_WAIT: a constant of the kernel.
	kernelLife = 60 * time.Second
	// exchangePatience bounds a handshake, one request, and the close.
	exchangePatience = 10 * time.Second
	// Bounds of the wait for the last connections to finish closing.
	emptyEvery    = 5 * time.Millisecond
	emptyPatience = 5 * time.Second
)

// load is the work of one LoadSpec. One goroutine connects, so that the number of a
// connection is also its place in the order in which ports are taken; each
// connection is then used by a goroutine of its own.
type load struct {
	*LoadSpec
	client wire.Side
	to     netip.AddrPort
	pace   *pace
	tally  tally
	begin  context.Context // ends when nothing more may begin, as stop makes it
	stop   context.CancelFunc

	dial         *Step
	request, end []Step
	patience     time.Duration // with the steps between connect and close

	slots chan struct{} // has one in it for each open connection
	open  sync.WaitGroup
	asked atomic.Int64 // requests over connections that are kept
}

// newLoad makes a load whose connections begin before ctx ends.
func newLoad(ctx context.Context, e *Experiment, client wire.Side, to netip.AddrPort) *load {
	begin, stop := context.WithCancel(ctx)
	steps := e.Client.Steps
	closing := slices.IndexFunc(steps, Step.closes)
	if closing < 0 {
		closing = len(steps)
	}
	l := &load{
		LoadSpec: &e.Load, client: client, to: to, pace: newPace(&e.Load), begin: begin, stop: stop,
		dial: &steps[0], request: steps[1:closing], end: steps[closing:], patience: exchangePatience,
		slots: make(chan struct{}, max(e.Load.Workers, e.Load.Pool)),
	}
	l.tally.Ports, l.tally.Failures = e.Load.Ports.Len(), map[string]int{}
	for _, s := range steps {
		l.patience += s.Wait
	}
	return l
}

// work returns when all is done, begin has ended and what was begun is over, or
// ctx ends.
func (l *load) work(ctx context.Context) error {
	err := l.client.Do(func() error {
		l.connectAll(ctx)
		return nil
	})
	l.open.Wait()
	l.stop()
	took := time.Since(l.pace.start)
	l.tally.Seconds = took.Seconds()
	l.tally.PerSecond = float64(l.tally.Requests) / l.tally.Seconds
	if cause := context.Cause(ctx); cause != nil {
		return cause // what broke, broke because of it
	}
	return err
}

// connectAll makes a connection for each request, or those that share them.
func (l *load) connectAll(ctx context.Context) {
	most := l.Connections
	if l.Pool > 0 {
		most = min(l.Pool, most)
	}
	for n := 1; n <= most; n++ {
		l.slots <- struct{}{}
		if l.Pool == 0 && l.pace.wait(l.begin, n) != nil {
			return
		}
		l.start(ctx, n)
	}
}

// start makes connection n, in a slot taken for it, and uses it.
func (l *load) start(ctx context.Context, n int) {
	l.tally.attempt(n, time.Since(l.pace.start))
	dialing, cancel := context.WithTimeout(ctx, exchangePatience)
	defer cancel()
	c, err := l.client.Dial(dialing, l.to, uint16(l.dial.N), l.dial.Data)
	if err != nil {
		l.over(ctx, n, err)
		return
	}
	l.open.Go(func() {
		err := l.use(ctx, &script{conn: c})
		_ = c.Close() // most are closed; what went wrong before says more
		l.over(ctx, n, err)
	})
}

// over ends connection n. What broke because of the end of ctx does not count. After one
// that hung no other begins: all might, and the verdict is clear.
func (l *load) over(ctx context.Context, n int, err error) {
	if ctx.Err() == nil {
		l.tally.end(n, err)
	}
	if err != nil && failureOf(err) == timedOut {
		l.stop()
	}
	l.pace.over()
	<-l.slots
}

// use sends a request, or all that are left where connections are kept, and closes.
func (l *load) use(ctx context.Context, s *script) error {
	for more := true; more; more = l.Pool > 0 {
		if l.Pool > 0 {
			n := int(l.asked.Add(1))
			if n > l.Connections || l.pace.wait(l.begin, n) != nil {
				break
			}
		}
		if err := l.steps(ctx, s, l.request); err != nil {
			return err
		}
		l.tally.answer()
	}
	return l.steps(ctx, s, l.end)
}

func (l *load) steps(ctx context.Context, s *script, steps []Step) error {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	for i := range steps {
		if err := s.step(ctx, nil, &steps[i]); err != nil {
			return err
		}
	}
	return nil
}

// underLoad carries out a load, and counts what is left of it.
func (a *attempt) underLoad(ctx context.Context, subject string) error {
	begin, cancel := ctx, func() {}
	if d := time.Duration(a.exp.Load.Duration); d > 0 {
		begin, cancel = context.WithTimeout(ctx, d)
	}
	defer cancel()
	l := newLoad(begin, a.exp, a.ground.client, a.ground.to)
	stop := a.exp.follow(l, subject)
	err := l.work(ctx)
	stop()
	if err != nil {
		return err
	}
	a.seen.load = &l.tally.Loaded
	a.seen.load.Life = a.ground.timeWaitLife(a.exp.Expect.States)
	return a.ground.empty(ctx, &l.tally.TimeWait)
}

// follow reports the progress once a second until it is stopped.
func (e *Experiment) follow(l *load, subject string) (stop func()) {
	if e.progress == nil {
		return func() {}
	}
	tick := time.NewTicker(time.Second)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-tick.C:
				p := Progress{Experiment: e.Name, Subject: subject, Elapsed: time.Since(l.pace.start)}
				p.Made, p.Failed = l.tally.progress()
				e.progress(p)
			case <-quit:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(quit)
		<-done
	}
}

// timeWaitLife is how long TIME_WAIT lasts at whoever is expected to hold it.
func (g *ground) timeWaitLife(s States) time.Duration {
	holder := g.client
	if s.Server == timeWait {
		holder = g.server
	}
	if g.Host == nil || holder == g.Near {
		return kernelLife
	}
	return 2 * time.Duration(g.Host.Tunables().Int(tunable.MSLms)) * time.Millisecond
}

// empty counts both sides' TIME_WAIT when nothing else is left, or at the latest after
// emptyPatience: a connection that lingers in another state then is missing from them.
func (g *ground) empty(ctx context.Context, n *TimeWaits) error {
	ctx, cancel := context.WithTimeout(ctx, emptyPatience)
	defer cancel()
	_, err := poll(ctx, emptyEvery, func() (bool, error) {
		var live, rest int
		var errs [2]error
		n.Client, live, errs[0] = g.client.Count()
		n.Server, rest, errs[1] = g.server.Count()
		return live+rest == 0, errors.Join(errs[:]...)
	})
	return err
}
