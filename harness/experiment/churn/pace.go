package churn

import (
	"context"
	"time"
)

// reuseAfter is when tcp_tw_reuse allows a port again, counted from the end of a
// connection: a second, and what the clocks' ticks and the wait for the last ACK
// may add.
const reuseAfter = time.Second + 50*time.Millisecond

// pace says when the next connection or request may begin.
type pace struct {
	start time.Time
	every time.Duration // between two beginnings; 0 is no pace
	// ports holds, for each port, when it may be used; nil is at once. Who ends a
	// connection puts one back.
	ports chan time.Time
}

func newPace(rate float64, m Mode, ports int) *pace {
	p := &pace{start: time.Now()}
	if rate > 0 {
		p.every = time.Duration(float64(time.Second) / rate)
	}
	if m.reuse {
		p.ports = make(chan time.Time, ports)
		for range ports {
			p.ports <- time.Time{}
		}
	}
	return p
}

// wait returns when the n-th, counted from 1, may begin, or when ctx ends.
func (p *pace) wait(ctx context.Context, n int) error {
	at := p.start.Add(time.Duration(n-1) * p.every)
	if p.ports != nil {
		select {
		case free := <-p.ports:
			if free.After(at) {
				at = free
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	left := time.Until(at)
	if left <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over is told of each connection's end.
func (p *pace) over() {
	if p.ports != nil {
		p.ports <- time.Now().Add(reuseAfter)
	}
}
