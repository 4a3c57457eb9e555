package soak

import (
	"context"
	"errors"
	"time"

	"lastack/stack"
	"lastack/stack/impair"
	"lastack/stack/tunable"
)

// phase is one way in which the wire is bad for a while.
type phase struct {
	name string
	loss loss
	// rules are impairments of the host's own.
	rules []string
	// busy has more busy loops than processors beside it.
	busy bool
	// cookies has the host answer every SYN with a cookie.
	cookies bool
}

var severalFaults = []string{
	"reorder 5% of segments from either",
	"duplicate 5% of segments from either",
	"delay 10% of segments from either by 20 ms",
	"corrupt 1% of segments from either",
}

// phases come round again until the time is over.
var phases = []phase{
	{name: "20% of what the host sends lost", loss: loss{in: 20}},
	{name: "20% of what the clients send lost", loss: loss{out: 20}},
	{name: "reordered, duplicated, delayed, corrupted", rules: severalFaults},
	{name: "20% lost both ways", loss: loss{in: 20, out: 20}},
	{name: "20% lost both ways, SYN cookies", loss: loss{in: 20, out: 20}, cookies: true},
	{name: "reordered, duplicated, delayed, corrupted, SYN cookies", rules: severalFaults, cookies: true},
	{name: "20% of what the host sends lost, processors busy", loss: loss{in: 20}, busy: true},
	{name: "20% of what the clients send lost, processors busy", loss: loss{out: 20}, busy: true},
	{name: "20% lost both ways, processors busy", loss: loss{in: 20, out: 20}, busy: true},
	{name: "reordered, duplicated, delayed, corrupted, processors busy", rules: severalFaults, busy: true},
}

// longest is how long a phase lasts at most: in a long soak each comes again.
const longest = time.Minute

// phaseLength lets each phase come at least once in the time, and as often as
// any other.
func phaseLength(total time.Duration) time.Duration {
	rounds := (total + longest*time.Duration(len(phases)) - 1) / (longest * time.Duration(len(phases)))
	return total / (max(rounds, 1) * time.Duration(len(phases)))
}

// runPhases runs one phase after the other, and leaves the wire good.
func runPhases(ctx context.Context, h *stack.Host, light Lightness, total time.Duration, now func(*phase)) error {
	over, cancel := context.WithTimeout(ctx, total)
	defer cancel()
	length := phaseLength(total)
	var err error
	for i := 0; over.Err() == nil && err == nil; i++ {
		p := &phases[i%len(phases)]
		now(p)
		err = p.hold(over, h, light, length)
	}
	good := &phase{name: "the wire is good"}
	now(good)
	return errors.Join(err, good.begin(ctx, h))
}

// hold keeps a phase up for a while, or until ctx ends.
func (p *phase) hold(ctx context.Context, h *stack.Host, light Lightness, d time.Duration) error {
	if err := errors.Join(p.begin(ctx, h), light.serve(h, false)); err != nil {
		return ignoreEnd(ctx, err)
	}
	if p.busy {
		stop, err := burners(ctx, processors+1, d+time.Second)
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		defer stop()
	}
	pause(ctx.Done(), d/2)
	if err := light.serve(h, true); err != nil {
		return err
	}
	pause(ctx.Done(), d/2)
	return nil
}

// begin puts what a phase wants in force, and nothing else.
func (p *phase) begin(ctx context.Context, h *stack.Host) error {
	var rules []impair.Rule
	for _, line := range p.rules {
		r, err := impair.Parse(line)
		if err != nil {
			return err
		}
		rules = append(rules, r)
	}
	cookies := int64(1)
	if p.cookies {
		cookies = 2 // for every SYN
	}
	return errors.Join(p.loss.apply(ctx), h.SetImpairments(rules), h.Tunables().SetInt(tunable.SynCookies, cookies))
}

// ignoreEnd: what the end of the time broke off is no error.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
