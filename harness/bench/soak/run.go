package soak

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"lastack/harness/host/serve"
	"lastack/harness/lab/wire"
	"lastack/stack"
)

// Config says what to soak with. The zero value is an hour with a seed of 0
// and nothing forged.
type Config struct {
	// Duration is how long connections are made, after the warm-up. 0 is an hour.
	Duration time.Duration
	Seed     uint64
	// Workers have one connection each. 0 is 40.
	Workers int
	// Forge is how many forged segments are sent each second, Flood how many SYNs
	// from addresses where nobody is.
	Forge, Flood int
	// Light is when the host serves connections light.
	Light Lightness
	// Log receives a line now and then. Nil is nothing.
	Log func(format string, args ...any)
}

// Result is what a soak came to.
type Result struct {
	// Faults are what must not be; none is a pass.
	Faults []string
	// Clients is the clients' last report.
	Clients *Clients
	// Abandoned counts connections that the soak closed for the server, because a
	// RST was lost.
	Abandoned int
	// Light counts the connections that were served light, and Promoted those of them that
	// netstack got.
	Light, Promoted uint64
	// WarmHeap and EndHeap are the heap without garbage when nothing went on.
	WarmHeap, EndHeap uint64
}

// The times of a soak beyond its Duration.
const (
	warmUp = 5 * time.Second
	// settling is how long connections may take after the load to be over: the
	// wire is good then.
	settling = 120 * time.Second
	// embryoLife is how long netstack answers a SYN whose sender says no more: seven
	// SYN-ACKs with 1, 2, 4 ... 64 s behind them. The flood ends so long before the
	// load that most of that is over when the load is.
	embryoLife = 127 * time.Second
	// msl makes TIME_WAIT last 10 s, so that the end need not wait a minute for an
	// empty table.
	msl = 5 * time.Second
)

// mix is how often clients have which habit.
var mix = map[string]int{echoes: 60, closesSecond: 12, aborts: 8, leavesUnread: 8, isAborted: 6, isIgnored: 6}

// soaking is a soak under way.
type soaking struct {
	Config
	result Result
	wire   *wire.Wire
	host   *stack.Host
	conns  attended
	phase  string
	start  time.Time
}

// Run soaks one host. An error says that it could not; faults are in the Result.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	serve.TuneRuntime()
	before := runtime.NumGoroutine()
	s := newSoaking(cfg)
	if err := errors.Join((loss{}).apply(ctx), s.raise(ctx)); err != nil {
		return nil, err
	}
	if err := errors.Join(s.soak(ctx), s.wire.Close()); err != nil {
		return nil, err
	}
	s.fault(goroutinesLeft(before, 5*time.Second))
	return &s.result, nil
}

func newSoaking(cfg Config) *soaking {
	cfg.Duration, cfg.Workers = or(cfg.Duration, time.Hour), or(cfg.Workers, 40)
	if cfg.Log == nil {
		cfg.Log = func(string, ...any) {}
	}
	return &soaking{
		Config: cfg, start: time.Now(),
		conns: attended{conns: make(map[*attendedConn]struct{})},
	}
}

// fault adds what is wrong, if anything is.
func (s *soaking) fault(text string) {
	if text != "" {
		s.result.Faults = append(s.result.Faults, text)
	}
}

// raise makes the host and its servers.
func (s *soaking) raise(ctx context.Context) (err error) {
	settings := map[string]string{"lastack.msl_ms": fmt.Sprint(msl.Milliseconds())}
	s.wire, err = raise(ctx, Lastack, wire.Config{Seed: s.Seed, FarSettings: settings})
	if err != nil {
		return err
	}
	s.host = s.wire.Host
	if err := s.Light.serve(s.host, true); err != nil { // the warm-up is no half
		return errors.Join(err, s.wire.Close())
	}
	far := &attendedServer{s.wire.Far, &s.conns}
	if err := s.wire.Serve(far, echoServer, closesServer, abortsServer, ignoresServer); err != nil {
		return errors.Join(err, s.wire.Close())
	}
	return nil
}

// soak warms the host up, loads it, and judges what is left.
func (s *soaking) soak(ctx context.Context) error {
	s.phase = "warm-up"
	warm := &load{
		To: hostAddr, Seed: s.Seed + 1, Workers: s.Workers, Mix: mix, Least: 1, Most: 200_000,
		Duration: warmUp, Grace: settling,
	}
	c, err := s.carry(ctx, warm)
	if err != nil {
		return err
	}
	s.result.WarmHeap = liveHeap()
	s.Log("warm-up over: %d connections, heap %.1f MB", c.Made, mb(s.result.WarmHeap))

	main := *warm
	main.Seed, main.Duration, main.Forge, main.Flood = s.Seed, s.Duration, s.Forge, s.Flood
	main.FloodFor = s.Duration - min(s.Duration/2, embryoLife-settling/4)
	bad := make(chan error, 1)
	go func() {
		bad <- runPhases(ctx, s.host, s.Light, s.Duration, func(p *phase) { s.Log("phase: %s", p.name) })
	}()
	s.phase = "load"
	s.result.Clients, err = s.carry(ctx, &main)
	if err := errors.Join(err, <-bad); err != nil {
		return err
	}
	s.result.Light, s.result.Promoted = s.host.LightCounts()
	s.result.EndHeap = liveHeap()
	s.fault(heapFault(s.result.WarmHeap, s.result.EndHeap))
	return nil
}

// carry runs a load until its connections are over, and then waits until nothing
// is left of them.
func (s *soaking) carry(ctx context.Context, l *load) (*Clients, error) {
	end := time.Now().Add(l.Duration + l.Grace)
	sweep := time.Now()
	c, err := startClients(ctx, l, func(c *Clients) {
		if time.Since(sweep) > 10*time.Second {
			sweep = time.Now()
			s.sweep()
			s.progress(c)
		}
	}, func() error { return s.settle(ctx, end) })
	if err == nil {
		s.judge(c)
	}
	return c, err
}

// progress is a line now and then.
func (s *soaking) progress(c *Clients) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.Log("%5.0f s: %d begun, %d made, %d failed, %d unanswered, %.0f MB compared; host: %d flows, %d in TIME_WAIT, heap %.1f MB, %d goroutines",
		time.Since(s.start).Seconds(), c.Begun, c.Made, c.failures(), c.Unanswered, float64(c.Bytes)/1e6,
		s.host.Flows(), s.host.TimeWaits(), mb(m.HeapAlloc), runtime.NumGoroutine())
}

// judge turns what the clients saw into faults.
func (s *soaking) judge(c *Clients) {
	if n := c.failures(); n > 0 {
		s.fault(fmt.Sprintf("%s: %d connections failed: %d with a wrong byte, %d stalled, %s", s.phase, n, c.Wrong, c.Stalled, counted(c.Failed)))
		for _, sample := range c.Samples {
			s.fault(s.phase + ": " + sample)
		}
	}
	if c.Made == 0 {
		s.fault(s.phase + ": no connection was carried through")
	}
}
