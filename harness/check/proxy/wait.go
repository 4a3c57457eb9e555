package proxy

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"lastack/harness/check/ends"
	"lastack/harness/lab"
)

// waited is a connection that was left alone for as long as Config.Patience.
type waited struct {
	pair *pair
	// ends are what the client and the server got meanwhile.
	client, server ends.Ending
	broken         error // what did not pass afterwards, where nothing had ended
	// sent are the segments of the wait: from the client and to it on its leg, and from
	// the proxy and to it on the server's.
	sent [2][2]uint64
}

// cut reports whether the connection was ended, at which side first, after how long.
func (w *waited) cut() (first side, e ends.Ending, ok bool) {
	c, s := w.client, w.server
	switch {
	case c.How == ends.Nothing && s.How == ends.Nothing:
		return "", ends.Ending{}, false
	case s.How == ends.Nothing || c.How != ends.Nothing && c.After <= s.After:
		return theClient, c, true
	}
	return theServer, s, true
}

// probing is the least time to see keep-alive probes in, which the kernel sends after a
// second at the earliest.
const probing = 1500 * time.Millisecond

// waits are the connections that are left alone at the same time, so that all of them
// together take no longer than one.
type waits struct {
	idle, alive *waited
	half        map[side]*waited // half-closed by that side
	late        time.Duration    // this process was, meanwhile
}

// wait makes all of them, once.
func (g *ground) wait(ctx context.Context) (*waits, error) {
	if g.waits != nil {
		return g.waits, nil
	}
	w := &waits{half: map[side]*waited{}}
	var all []*waited
	for _, at := range []**waited{&w.idle, &w.alive} {
		p, err := g.open(ctx)
		if err != nil {
			return nil, err
		}
		*at = &waited{pair: p}
		defer p.close()
		all = append(all, *at)
	}
	for _, by := range []side{theClient, theServer} {
		p, err := g.open(ctx)
		if err != nil {
			return nil, err
		}
		defer p.close()
		w.half[by] = &waited{pair: p}
	}
	if err := w.alive.pair.client.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 5}); err != nil {
		return nil, fmt.Errorf("turning on keep-alive: %w", err)
	}
	clock := lab.StartLate(ctx)
	var group sync.WaitGroup
	for _, one := range all {
		patience := g.cfg.Patience
		if one == w.alive {
			patience = max(patience, probing)
		}
		group.Go(func() { g.leaveAlone(one, patience) })
	}
	for by, one := range w.half {
		group.Go(func() { g.leaveHalfClosed(one, by) })
	}
	group.Wait()
	w.late = clock.Stop()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	g.waits = w
	return w, nil
}

// idleLimit is how an idle connection is cut, if it is.
func (g *ground) idleLimit(ctx context.Context) (first side, e ends.Ending, cut bool) {
	all, err := g.wait(ctx)
	if err != nil {
		return "", ends.Ending{}, false
	}
	return all.idle.cut()
}

// leaveAlone waits for either end to get something, and sees whether data still pass.
func (g *ground) leaveAlone(w *waited, patience time.Duration) {
	before := g.traffic(w.pair)
	silent := time.Since(w.pair.opened)
	var both sync.WaitGroup
	both.Go(func() { w.client = w.pair.client.ended(patience) })
	both.Go(func() { w.server = w.pair.server.ended(patience) })
	both.Wait()
	w.client.After += silent
	w.server.After += silent
	after := g.traffic(w.pair)
	for i := range after {
		for j := range after[i] {
			w.sent[i][j] = after[i][j] - before[i][j]
		}
	}
	if _, _, cut := w.cut(); !cut {
		w.broken = exchange(w.pair.client, w.pair.server)
	}
}

// exchange sends something each way.
func exchange(a, b *end) error {
	for range 2 {
		if err := a.send(message, answer); err != nil {
			return err
		}
		if err := b.receive(message, answer); err != nil {
			return err
		}
		a, b = b, a
	}
	return nil
}

// leaveHalfClosed has one side half-close, waits, and sees whether the other can answer.
func (g *ground) leaveHalfClosed(w *waited, by side) {
	from, to := w.pair.ends(by)
	if w.broken = from.CloseWrite(); w.broken != nil {
		return
	}
	got := from.ended(g.cfg.Patience)
	w.client = got
	if by == theServer {
		w.client, w.server = ends.Ending{How: ends.Nothing}, got
	} else {
		w.server = ends.Ending{How: ends.Nothing}
	}
	if got.How != ends.Nothing {
		return
	}
	if w.broken = to.send(message, answer); w.broken == nil {
		w.broken = from.receive(message, answer)
	}
}

// traffic counts the segments on both legs, from each end.
func (g *ground) traffic(p *pair) (n [2][2]uint64) {
	a, b := g.reports(p)
	if a != nil {
		n[0] = [2]uint64{a.ClientSegments, a.ServerSegments}
	}
	if b != nil {
		n[1] = [2]uint64{b.ClientSegments, b.ServerSegments}
	}
	return n
}

const breaksIdle = "connections that are quiet for a while (database pools, ssh, MQTT, long polling) fail at their next use"

// idle leaves a connection alone.
func idle(ctx context.Context, g *ground, f *finding) error {
	all, err := g.wait(ctx)
	if err != nil {
		return err
	}
	w := all.idle
	first, e, cut := w.cut()
	switch {
	case cut:
		other := w.server
		if first == theServer {
			other = w.client
		}
		f.differ(w.pair, breaksIdle, "an idle connection is cut after %s: first on the %s leg, by a %s; on the other: %s", ends.Brief(e.After), first, e.How, other)
	case w.broken != nil:
		f.differ(w.pair, breaksIdle, "after %s of silence nothing passes any more: %v", ends.Brief(g.cfg.Patience), w.broken)
	default:
		f.note("not cut within %s, and data pass afterwards", ends.Brief(g.cfg.Patience))
	}
	if n := w.sent[0][1] + w.sent[1][0]; n > 0 && !cut {
		f.note("%s sends %d segments meanwhile", g.middle(), n)
	}
	f.show(w.pair)
	return nil
}

// keepAlive leaves a connection alone whose client sends a keep-alive probe a second.
func keepAlive(ctx context.Context, g *ground, f *finding) error {
	all, err := g.wait(ctx)
	if err != nil {
		return err
	}
	w := all.alive
	f.show(w.pair)
	_, e, cut := w.cut()
	_, plain, also := all.idle.cut()
	if cut && (!also || e.After < plain.After*4/5) {
		f.differ(w.pair, "keep-alive, turned on to hold a connection, ends it", "a connection with keep-alive probes is cut after %s, one without is not", ends.Brief(e.After))
		return nil
	}
	if cut {
		f.note("probes do not lift the limit for idle connections: cut after %s all the same", ends.Brief(e.After))
	}
	probes, replies, passed := w.sent[0][0], w.sent[0][1], w.sent[1][0]
	switch {
	case probes == 0:
		f.note("cut before a probe was sent")
	case replies == 0:
		f.differ(w.pair, "a client with keep-alive takes a healthy connection for a dead one", "%d keep-alive probes of the client's are not answered", probes)
	case passed == 0:
		f.note("the client's probes end at the proxy, which answers them (%d of %d); nothing of them on the server leg", replies, probes)
	default:
		f.note("of the client's %d probes %d are answered; %d segments go to the server meanwhile", probes, replies, passed)
	}
	if !cut && w.broken != nil {
		f.differ(w.pair, breaksIdle, "after the probes nothing passes any more: %v", w.broken)
	}
	return nil
}

// tolerance leaves half-closed connections alone.
func tolerance(ctx context.Context, g *ground, f *finding) error {
	all, err := g.wait(ctx)
	if err != nil {
		return err
	}
	_, plain, also := all.idle.cut()
	for _, by := range []side{theClient, theServer} {
		w := all.half[by]
		_, e, cut := w.cut()
		switch {
		case cut && also && e.After >= plain.After*4/5:
			f.note("half-closed by the %s: cut after %s, as any idle connection is", by, ends.Brief(e.After))
		case cut:
			f.differ(w.pair, "an answer that takes longer is lost, though the connection was only half-closed", "half-closed by the %s: ended by a %s after %s", by, e.How, ends.Brief(e.After))
		case w.broken != nil:
			f.differ(w.pair, breaksHalfClose, "half-closed by the %s: an answer after %s does not arrive: %v", by, ends.Brief(g.cfg.Patience), w.broken)
		default:
			f.note("half-closed by the %s: an answer after %s arrives", by, ends.Brief(g.cfg.Patience))
		}
		f.show(w.pair)
	}
	return nil
}
