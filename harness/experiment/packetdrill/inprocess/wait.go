package inprocess

import (
	"context"
	"fmt"
	"time"

	"lastack/harness/experiment/packetdrill"
)

// maxRounds is how often the stack may find something more to do at one and the same
// time. A close path that works needs three or four.
const maxRounds = 100_000

// rest returns when nothing will happen before a timer fires: see the package's
// documentation. In real time nobody knows, and it returns at once.
func (s *Subject) rest() error {
	if s.clock == nil {
		s.device.idle()
		s.host.Drain()
		return nil
	}
	for range maxRounds {
		s.device.idle()
		s.host.Drain()
		if !s.clock.fire(s.clock.elapsed()) {
			return nil
		}
	}
	return fmt.Errorf("the subject does not come to rest at %v: it fired %d timers that were due at once", s.clock.elapsed(), maxRounds)
}

// wait lets time pass until there is what is waited for, or until the time has come, which
// is ErrQuiet. A call that blocks goes on meanwhile.
func (s *Subject) wait(ctx context.Context, until time.Duration, done func() bool) error {
	if s.clock == nil {
		return s.waitReally(ctx, until, done)
	}
	for {
		if err := s.settle(); err != nil {
			return err
		}
		switch {
		case done():
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !s.clock.fire(until):
			s.clock.jump(until)
			return packetdrill.ErrQuiet
		}
	}
}

// settle comes to rest, with the call that blocks tried.
func (s *Subject) settle() error {
	for {
		if err := s.rest(); err != nil {
			return err
		}
		if !s.progress() {
			return nil
		}
	}
}

// look is how often a call that blocks is tried in real time.
const look = time.Millisecond

func (s *Subject) waitReally(ctx context.Context, until time.Duration, done func() bool) error {
	over := time.NewTimer(until - s.Now())
	defer over.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		s.progress()
		if done() {
			return nil
		}
		if s.Now() >= until {
			return packetdrill.ErrQuiet
		}
		select {
		case <-s.device.wrote:
		case <-tick.C:
		case <-over.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
