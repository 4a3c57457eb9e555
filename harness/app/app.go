package app

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what an App needs from its surroundings. The zero value logs nothing
// and uses real time.
type Config struct {
	// Log receives what an app cannot tell its client: at Error that a kind could
	// not do what it is for, at Warn that accept failed for now, at Debug how a
	// connection failed. Nil discards it all.
	Log *slog.Logger
	// After returns a channel that receives once, d later; every delay of an app
	// is one call. It is called from many goroutines at once. Nil is time.After.
	After func(d time.Duration) <-chan time.Time
}

func (cfg Config) withDefaults() Config {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	return cfg
}

// App is one server. Its methods may be called from any goroutine.
type App struct {
	spec    Spec
	cfg     Config
	handle  handler
	buffers sync.Pool // of *[bufferSize]byte

	accepted     atomic.Uint64
	active       atomic.Int64
	acceptErrors atomic.Uint64
}

// Stats are an App's counts since [New], over all its listeners.
type Stats struct {
	Accepted     uint64 // connections accepted
	Active       int    // of those, the ones not closed yet
	AcceptErrors uint64 // times accept failed for now and was tried again
}

// New returns the App that spec describes, not yet serving. It does not look at
// spec.Port. The error is a [*SpecError].
func New(spec Spec, cfg Config) (*App, error) {
	cfg = cfg.withDefaults()
	cfg.Log = cfg.Log.With("app", spec.String())
	h, bad := build(spec, cfg)
	if bad != nil {
		return nil, bad
	}
	a := &App{spec: spec, cfg: cfg, handle: h}
	a.buffers.New = func() any { return new([bufferSize]byte) }
	return a, nil
}

// Spec returns what the App was made from.
func (a *App) Spec() Spec { return a.spec }

// Stats returns the counts as they are now. A connection is active until its
// close has returned.
func (a *App) Stats() Stats {
	return Stats{
		Accepted:     a.accepted.Load(),
		Active:       int(a.active.Load()),
		AcceptErrors: a.acceptErrors.Load(),
	}
}
