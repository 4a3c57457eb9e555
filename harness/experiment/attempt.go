package experiment

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab"
	"lastack/harness/lab/wire"
	"lastack/harness/teardown"
)

// attempt is one go at an experiment.
type attempt struct {
	exp    *Experiment
	ground *ground
	watch  *watch
	behind *watch      // of the server's leg, behind a proxy; else nil
	open   []wire.Conn // of the client
	clock  *lab.Late
	// crafted is the client that is no socket; nil if there is none.
	crafted *crafted

	seen    observed
	packets []capture.Packet
}

// observed is what an attempt has come to.
type observed struct {
	reports []teardown.Report
	// settled: the sockets came to the states expected, and what follows them
	// was looked at.
	settled bool
	states  States
	// stray is the connection whose states are not as expected, by its place
	// among the reports.
	stray    int
	failures int
	failed   error // the first of the client's failures
	errors   stepErrors
	answers  []Answer // to crafted segments
	lasted   time.Duration
	// late is how late this process was at worst.
	late time.Duration
	// cpu is the processor time taken in the rest.
	cpu time.Duration
	// said is what the server's program printed.
	said string
	// counts of TIME_WAIT at the client and the server.
	timeWaits [2]int
	load      *Loaded // nil without
	// witness is what captured, compared is the host's own trace against it.
	witness  string
	compared *teardown.Diff
	// behind are the connections on the server's leg, behind a proxy; statesBehind are
	// the states of the one at strayBehind.
	behind       []teardown.Report
	statesBehind States
	strayBehind  int
	// died is how a stranger or a proxy died; proof what a look at its sockets got.
	died, proof string
	// flooded: there were more packets than are looked at.
	flooded bool
	// hits counts what fell to each impairment.
	hits map[string]int
	// prints are what the checks printed.
	prints []string
}

// Bounds of an attempt, beside what its own steps ask for.
const (
	settleTimeout = 4 * time.Second
	passing       = 20 * time.Millisecond
	clientTimeout = 20 * time.Second
	lastsTimeout  = 3 * time.Second
	lookEvery     = 2 * time.Millisecond
	lookSlowly    = 50 * time.Millisecond
)

// try makes one attempt. An error means that it could not be made.
func try(ctx context.Context, e *Experiment, subject string, s *Stranger) (_ *attempt, err error) {
	a := &attempt{exp: e}
	if a.ground, err = raise(ctx, e, subject, s); err != nil {
		return nil, err
	}
	defer func() {
		for _, c := range a.open {
			_ = c.Close() // most are closed; the rest has been looked at
		}
		if a.crafted != nil {
			err = errors.Join(err, a.crafted.probe.Close())
		}
		err = errors.Join(err, a.ground.Close())
	}()
	if e.loaded() {
		return a, a.underLoad(ctx, subject)
	}
	if err := a.startWatches(ctx); err != nil {
		return nil, err
	}
	defer a.abandonWatches()
	a.watch.accepted = len(e.Client.Crafted) > 0
	if a.ground.outside != nil {
		a.ground.outside.watch = a.watch
		if len(e.rules()) > 0 {
			a.watch.hits = a.ground.hits
		}
	}
	a.clock = lab.StartLate(ctx)
	err = a.observe(ctx)
	a.seen.late = max(a.seen.late, a.clock.Stop())
	if a.ground.outside != nil {
		a.seen.died = a.ground.outside.died()
	} else if a.ground.proxy != nil {
		a.seen.died = a.ground.proxyDied()
	}
	if a.seen.died != "" && ctx.Err() == nil {
		err = nil // whatever went wrong, that is why
	}
	if err != nil {
		return nil, err
	}
	if err := a.watch.finish(); err != nil {
		return nil, err
	}
	if len(e.rules()) > 0 {
		a.watch.retell(a.watch.records(a.ground.hits.trace.Take()))
		a.seen.hits = a.ground.hits.counts()
	}
	if a.seen.witness = a.watch.name; e.traced && subject == Lastack {
		a.retrace(ctx)
	}
	if a.ground.program != nil {
		a.seen.said = a.ground.program.said()
	}
	a.seen.reports, a.packets, a.seen.flooded = a.watch.reports(), a.watch.packets, a.watch.full
	return a, a.lookBehind()
}

// observe runs the client and looks at what comes of it.
func (a *attempt) observe(ctx context.Context) (err error) {
	if err := a.driveAll(ctx); err != nil {
		return err
	}
	if !a.exp.failures().Has(float64(a.seen.failures)) {
		// That is the verdict; where the sockets are now is for show.
		_, err := a.settled()
		return err
	}
	if a.seen.settled, err = a.settle(ctx); err != nil {
		return err
	}
	if a.ground.outside != nil {
		if a.seen.settled, err = a.prove(ctx); err != nil {
			return err
		}
	}
	if !a.seen.settled {
		return nil
	}
	for i, s := range []wire.Side{a.ground.client, a.ground.server} {
		if a.seen.timeWaits[i], _, err = s.Count(); err != nil {
			return err
		}
	}
	if err := a.check(ctx); err != nil {
		return err
	}
	if a.seen.cpu, err = a.rest(ctx); err != nil {
		return err
	}
	if a.exp.Expect.Lasts.Side != "" {
		return a.outlast(ctx)
	}
	return nil
}

// driveAll repeats what the client does. Its failures are results, unless the
// machine does not have what it is made of.
func (a *attempt) driveAll(ctx context.Context) error {
	limit := clientTimeout
	for _, d := range a.exp.Client.waits() {
		limit += time.Duration(a.exp.Repeat) * d
	}
	bounded, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the client was not through after %v", limit))
	defer cancel()
	if o := a.ground.outside; o != nil {
		// Nobody answers for a program that has died.
		go func() {
			select {
			case <-o.Over():
				cancel()
			case <-bounded.Done():
			}
		}()
	}
	for range a.exp.Repeat {
		err := a.drive(bounded)
		var missing *lab.MissingError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &missing):
			return err
		case err != nil:
			a.seen.failures++
			if a.seen.failed == nil {
				a.seen.failed = err
			}
		}
	}
	return nil
}

// settle waits until the sockets of every connection are in the states expected,
// and stay there for longer than a state that is passed through.
func (a *attempt) settle(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	var since time.Time
	return poll(ctx, lookEvery, func() (bool, error) {
		ok, err := a.settled()
		switch {
		case !ok || err != nil:
			since = time.Time{}
			return false, err
		case since.IsZero():
			since = time.Now()
		}
		return time.Since(since) >= passing, nil
	})
}

// settled reports whether the sockets are in the states expected now.
func (a *attempt) settled() (bool, error) {
	pairs := a.watch.pairs()
	for i, p := range pairs {
		st, err := a.states(i, p)
		a.seen.states, a.seen.stray = st, i
		if err != nil || !a.exp.Expect.States.admit(st) {
			return false, err
		}
	}
	if float64(len(pairs)) < a.exp.connections(a.seen.failures).Min {
		return false, nil
	}
	return a.settledBehind()
}

// states are those of the i-th connection's sockets.
func (a *attempt) states(i int, p pair) (s States, err error) {
	if a.ground.path != nil {
		return a.statesThrough(i, p)
	}
	if s.Client, err = a.ground.client.State(p.client, p.server); err != nil {
		return s, err
	}
	s.Server, err = a.ground.server.State(p.server, p.client)
	return s, err
}

// prove looks at a stranger's sockets, and reports whether they are in the states expected
// by that. Others tell their states themselves.
func (a *attempt) prove(ctx context.Context) (bool, error) {
	o := a.ground.outside
	if err := o.prove(ctx, a.ground.Near); err != nil {
		return false, err
	}
	ok, err := a.settled()
	if !ok {
		a.seen.proof = o.proof
	}
	return ok, err
}

// outlast waits until the state is over that the latest connection is in, and
// takes the time since its last segment.
func (a *attempt) outlast(ctx context.Context) error {
	want := a.exp.Expect.Lasts
	longest := time.Duration(want.MS.Max*float64(time.Millisecond)) + lastsTimeout
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	every := lookEvery
	if longest > 10*time.Second {
		every = lookSlowly
	}
	pairs := a.watch.pairs()
	p := pairs[len(pairs)-1]
	_, err := poll(ctx, every, func() (bool, error) {
		st, err := a.states(len(pairs)-1, p)
		state := st.Server
		if want.Side == "client" {
			state = st.Client
		}
		a.seen.lasted = time.Since(a.watch.latest())
		return state == "CLOSED", err
	})
	return err
}

// check runs the shell commands.
func (a *attempt) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	for _, c := range a.exp.Expect.Checks {
		// A pipe would hide that its first program is missing.
		if program := strings.Fields(c.Run)[0]; !installed(program) {
			return &lab.MissingError{What: "the program " + program + " is not installed", Mend: "install it, or put it on the PATH"}
		}
		err := a.ground.peer().Do(func() error {
			out, err := lab.Command(ctx, "sh", "-c", c.Run).Output()
			a.seen.prints = append(a.seen.prints, strings.TrimSpace(string(out)))
			var exit *exec.ExitError
			if errors.As(err, &exit) && ctx.Err() == nil {
				return nil // grep's way to say that it found nothing
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", c.Run, err)
		}
	}
	return nil
}

// installed reports whether a shell finds the program; test and its like are part
// of it, and found as files as well.
func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
