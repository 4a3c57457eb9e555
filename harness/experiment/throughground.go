package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"lastack/harness/lab"
	"lastack/harness/lab/middle"
	"lastack/harness/lab/wire"
	"lastack/harness/teardown"
)

// ProxyError says that an experiment's proxy does not serve.
type ProxyError struct{ Err error }

// Error says what became of it, and what it printed.
func (e *ProxyError) Error() string { return e.Err.Error() }

// Unwrap gives what was wrong.
func (e *ProxyError) Unwrap() error { return e.Err }

// raiseThrough builds the ground of an experiment with something in the middle. The server
// is there before a proxy starts, which may look for it.
func raiseThrough(ctx context.Context, e *Experiment, subject string) (_ *ground, err error) {
	c := middle.Path()
	if subject == Lastack {
		c.Subject = wire.Lastack{}
	}
	g := &ground{hits: newHits(), to: middle.ServerAt}
	if g.path, err = wire.RaisePath(ctx, c); err != nil {
		return nil, err
	}
	g.Wire, g.client, g.server = g.path.Behind, g.path.Client, g.path.Server
	if err := g.stage(ctx, e); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	g.to = middle.ListenAt
	return g, nil
}

// stage makes the settings, and starts what serves and what stands in the middle.
func (g *ground) stage(ctx context.Context, e *Experiment) (err error) {
	if err := configure(g.path.Client, e.Tunables.Peer, true); err != nil {
		return err
	}
	if err := configure(g.path.Server, e.Tunables.Subject, false); err != nil {
		return err
	}
	if err := g.serve(ctx, e, nil); err != nil {
		return err
	}
	if e.Through.NAT {
		return middle.Translate(ctx, g.path)
	}
	g.proxy, err = middle.Start(ctx, g.path, middle.Config{Command: e.Through.Command})
	var missing *lab.MissingError
	if err != nil && !errors.As(err, &missing) && ctx.Err() == nil {
		err = &ProxyError{err}
	}
	return err
}

// configure makes the settings of one side.
func configure(at wire.Side, settings map[string]string, peer bool) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		err := at.Set(name, settings[name])
		if errors.Is(err, fs.ErrNotExist) {
			return &unsupported{name, peer, err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// proxyDied says how the proxy ended, with the last that it printed; empty while it serves.
func (g *ground) proxyDied() string {
	if !g.proxy.Ended() || g.proxy.Listens() {
		return ""
	}
	g.proxy.Hear()
	return fmt.Sprintf("the proxy ended: %v", g.proxy.Death())
}

// startWatches captures the link, or both legs: the client's at the client, the server's
// in the middle.
func (a *attempt) startWatches(ctx context.Context) (err error) {
	if a.ground.path == nil {
		a.watch, err = startWatch(ctx, a.ground.Near, linkName, a.exp.tcpdump)
		return err
	}
	if a.watch, err = startWatch(ctx, a.ground.path.Client, wire.ClientLeg, a.exp.tcpdump); err != nil {
		return err
	}
	if a.behind, err = startWatch(ctx, a.ground.path.Middle, wire.ServerLeg, a.exp.tcpdump); err != nil {
		a.watch.abandon()
	}
	return err
}

// abandonWatches ends the captures without looking at them. After finish it does nothing.
func (a *attempt) abandonWatches() {
	a.watch.abandon()
	if a.behind != nil {
		a.behind.abandon()
	}
}

// lookBehind takes what was seen on the server's leg.
func (a *attempt) lookBehind() error {
	if a.behind == nil {
		return nil
	}
	err := a.behind.finish()
	a.seen.behind, a.seen.flooded = a.behind.reports(), a.seen.flooded || a.behind.full
	return err
}

// statesThrough are the states of the i-th connection's sockets, where a path has more than
// two: those of the client's leg, or with NAT those at both ends of the path.
func (a *attempt) statesThrough(i int, p pair) (s States, err error) {
	if s.Client, err = a.ground.client.State(p.client, p.server); err != nil {
		return s, err
	}
	if !a.exp.Through.NAT {
		s.Server, err = a.ground.path.Middle.State(p.server, p.client)
		return s, err
	}
	s.Server = "CLOSED"
	if behind := a.behind.pairs(); i < len(behind) {
		s.Server, err = a.ground.server.State(behind[i].server, behind[i].client)
	}
	return s, err
}

// settledBehind reports whether the sockets of the server's leg are in the states expected
// now, if any are.
func (a *attempt) settledBehind() (bool, error) {
	want := &a.exp.Expect.Behind
	if a.behind == nil || !want.given() || a.exp.Through.NAT {
		return true, nil
	}
	pairs := a.behind.pairs()
	for i, p := range pairs {
		var s States
		var err error
		if s.Client, err = a.ground.path.Middle.State(p.client, p.server); err != nil {
			return false, err
		}
		if s.Server, err = a.ground.server.State(p.server, p.client); err != nil {
			return false, err
		}
		if a.seen.statesBehind, a.seen.strayBehind = s, i; !want.States.admit(s) {
			return false, nil
		}
	}
	return float64(len(pairs)) >= a.exp.connectionsBehind(a.seen.failures).Min, nil
}

// connectionsBehind is how many must be seen on the server's leg.
func (e *Experiment) connectionsBehind(failures int) Range {
	if e.Expect.Behind.Connections.Set {
		return e.Expect.Behind.Connections
	}
	return e.connections(failures)
}

// judgeBehind compares the server's leg with what is expected there, as judge does.
func (e *Experiment) judgeBehind(o *observed) (why string, conn int) {
	want := &e.Expect.Behind
	if !want.given() {
		return "", 0
	}
	where := "behind " + e.Through.name() + " "
	if n, count := len(o.behind), e.connectionsBehind(o.failures); !count.Has(float64(n)) {
		return fmt.Sprintf("%sthere were %d connections, expected %s", where, n, count), 0
	}
	x := want.expect()
	for i := range o.behind {
		if why := x.Judge(&o.behind[i]); why != "" {
			return where + why, i
		}
	}
	if !e.Through.NAT && !x.States.admit(o.statesBehind) && len(o.behind) > 0 {
		return where + x.judgeStates(&observed{states: o.statesBehind}), o.strayBehind
	}
	return "", 0
}

// Opposite is whose socket is the server's of States: a proxy's, if there is one.
func (r *Result) Opposite() string {
	if r.Behind != nil && r.Behind.proxy {
		return "proxy"
	}
	return "server"
}

// Leg is one leg of a connection through something in the middle.
type Leg struct {
	Close        teardown.Kind    `json:"close"`
	ActiveCloser teardown.Who     `json:"active_closer"`
	TimeWait     teardown.Who     `json:"time_wait"`
	Segments     []teardown.Line  `json:"segments"`
	Report       *teardown.Report `json:"report"`
	// States are those of the proxy's socket, as the client, and the server's; nil if
	// nothing was expected of them.
	States *Ends `json:"states,omitempty"`
	// Connections is how many there were.
	Connections int `json:"connections"`
	// Capture is the file that the packets were kept in.
	Capture string `json:"capture,omitempty"`
	// All are the reports of every connection.
	All []teardown.Report `json:"-"`

	proxy bool // and not NAT
}

// behind is the server's leg, with the connection of that number; nil without one.
func (e *Experiment) behind(o *observed, conn int) *Leg {
	if !e.Through.given() {
		return nil
	}
	l := &Leg{Connections: len(o.behind), All: o.behind, proxy: !e.Through.NAT}
	if conn < len(o.behind) {
		r := &o.behind[conn]
		l.Report, l.Close, l.ActiveCloser, l.TimeWait, l.Segments = r, r.Close, r.ActiveCloser, r.TimeWait, r.Segments
	}
	if s := o.statesBehind; s != (States{}) {
		l.States = &Ends{s.Client, s.Server}
	}
	return l
}
