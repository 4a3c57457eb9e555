package lab

import (
	"context"
	"time"
)

// Late measures how long this process was kept from running, by a clock that is to tick
// all the time. An experiment's expectations hold for applications that are on time;
// those of this process are as late as the clock is.
type Late struct {
	cancel context.CancelFunc
	worst  chan time.Duration
}

const lateTick = time.Millisecond

// StartLate starts the clock, which ends with ctx or Stop.
func StartLate(ctx context.Context) *Late {
	ctx, cancel := context.WithCancel(ctx)
	l := &Late{cancel: cancel, worst: make(chan time.Duration, 1)}
	go l.measure(ctx, time.Now())
	return l
}

// measure counts from begun: the process may be kept from running before the goroutine is.
func (l *Late) measure(ctx context.Context, last time.Time) {
	t := time.NewTicker(lateTick)
	defer t.Stop()
	var worst time.Duration
	for {
		select {
		case <-ctx.Done():
			l.worst <- max(worst, time.Since(last)-lateTick)
			return
		case <-t.C:
			now := time.Now()
			worst, last = max(worst, now.Sub(last)-lateTick), now
		}
	}
}

// Stop ends the clock and tells how late it was at worst. It is called once.
func (l *Late) Stop() time.Duration {
	l.cancel()
	return <-l.worst
}
