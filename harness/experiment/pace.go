package experiment

import (
	"context"
	"time"
)

// pace says when the next connection or request may begin.
type pace struct {
	start time.Time
	every time.Duration // between two beginnings; 0 is no pace
	rest  time.Duration
	// ports holds, for each port, when it may be used; nil is at once. Whatever ends
	// a connection puts one back.
	ports chan time.Time
}

func newPace(l *LoadSpec) *pace {
	p := &pace{start: time.Now(), rest: time.Duration(l.Rest)}
	if l.Rate > 0 {
		p.every = time.Duration(float64(time.Second) / l.Rate)
	}
	if p.rest > 0 {
		p.ports = make(chan time.Time, l.Ports.Len())
		for range l.Ports.Len() {
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
	if left := time.Until(at); left > 0 {
		return pause(ctx, left)
	}
	return ctx.Err()
}

// over is for each connection's end.
func (p *pace) over() {
	if p.ports != nil {
		p.ports <- time.Now().Add(p.rest)
	}
}
