package experiment

import (
	"context"
	"time"
)

// late measures how long this process was kept from running, by a clock that is to tick
// all the time. An experiment's expectations hold for applications that are on time;
// those of this process are as late as the clock is.
type late struct {
	cancel context.CancelFunc
	worst  chan time.Duration
}

const (
	lateTick = time.Millisecond
	// tooLate is more than any experiment leaves to chance: an attempt that
	// failed on a machine as busy as that says nothing.
	tooLate = 5 * time.Millisecond
)

func startLate(ctx context.Context) *late {
	ctx, cancel := context.WithCancel(ctx)
	l := &late{cancel: cancel, worst: make(chan time.Duration, 1)}
	go l.measure(ctx)
	return l
}

func (l *late) measure(ctx context.Context) {
	t := time.NewTicker(lateTick)
	defer t.Stop()
	var worst time.Duration
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			l.worst <- worst
			return
		case <-t.C:
			now := time.Now()
			worst, last = max(worst, now.Sub(last)-lateTick), now
		}
	}
}

// stop ends the clock and tells how late it was at worst.
func (l *late) stop() time.Duration {
	l.cancel()
	return <-l.worst
}
