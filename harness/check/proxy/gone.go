package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lastack/harness/check/ends"
)

// flood is how much a side sends that has not noticed that the other one is gone, at most.
const flood = 64 << 20

// clientGone has the client go away while the server writes, and before the proxy has
// connected to the server.
func clientGone(ctx context.Context, g *ground, f *finding) error {
	if err := g.leaves(ctx, f, theClient); err != nil {
		return err
	}
	if g.cfg.NAT {
		f.note("a NAT connects nobody by itself")
		return nil
	}
	return g.leavesEarly(ctx, f)
}

// serverGone has the server accept and close at once, go away while the client writes, and
// be out of reach for a moment.
func serverGone(ctx context.Context, g *ground, f *finding) error {
	if err := g.acceptsAndCloses(ctx, f); err != nil {
		return err
	}
	if err := g.leaves(ctx, f, theServer); err != nil {
		return err
	}
	return g.outage(ctx, f)
}

// leaves has one side's process be killed while the other writes: that one should be told.
func (g *ground) leaves(ctx context.Context, f *finding, who side) error {
	p, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	from, to := p.ends(who)
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- to.send(flood, answer) }()
	if !from.holds(ctx, answer) {
		return fmt.Errorf("nothing that the %s sent arrived within %v", who.other(), answer)
	}
	if err := from.kill(ctx); err != nil {
		return err
	}
	err = <-done
	e := ends.Of(err, time.Since(start))
	switch {
	case err == nil:
		f.differ(p, "a side goes on sending to nobody, at full speed, and believes that it arrives", "the %s is killed while the %s writes: the proxy takes %s more and tells nobody", who, who.other(), ends.Size(to.sent))
	case e.How == ends.Nothing:
		f.differ(p, "a side waits for a peer that is gone until it gives up by itself", "the %s is killed while the %s writes: the writer is not told within %s", who, who.other(), ends.Brief(answer))
	default:
		f.note("the %s is killed while the %s writes: the writer gets a RST after %s", who, who.other(), ends.Brief(e.After))
	}
	f.show(p)
	return nil
}

// retransmission is the time within which a SYN that was lost has been sent again.
const retransmission = 4 * time.Second

// leavesEarly has the client connect and leave while the proxy's SYN is not answered. Once
// it is, the server should not be left with a connection to nobody.
func (g *ground) leavesEarly(ctx context.Context, f *finding) (err error) {
	g.opening.Lock()
	defer g.opening.Unlock()
	g.forget()
	if err := g.path.Lose(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.path.Find()) }()
	c, err := g.connect(ctx, answer)
	if err != nil {
		return &openError{err}
	}
	p := &pair{client: newEnd(ctx, c)}
	defer p.close()
	if err := g.cfg.Speak.request(c); err != nil {
		return &openError{err}
	}
	pause(ctx, lull)
	if err := c.Close(); err != nil {
		return err
	}
	if err := g.path.Find(); err != nil {
		return err
	}
	const when = "the client leaves before the proxy has connected"
	timer := time.NewTimer(retransmission)
	defer timer.Stop()
	select {
	case s := <-g.accepted:
		p.server = newEnd(ctx, s)
	case <-timer.C:
		f.note("%s: the server gets no connection", when)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if e := p.server.ended(answer); e.How == ends.Nothing {
		f.differ(p, "a server that waits for a request holds a connection to nobody", "%s: the server gets a connection that is not ended within %s", when, ends.Brief(answer))
	} else {
		f.note("%s: the server gets a connection, and a %s", when, e.How)
	}
	return nil
}

// acceptsAndCloses has the server close each connection at once.
func (g *ground) acceptsAndCloses(ctx context.Context, f *finding) error {
	g.opening.Lock()
	defer g.opening.Unlock()
	g.forget()
	client, err := g.dial(ctx, answer)
	if err != nil {
		return &openError{err}
	}
	p := &pair{client: client}
	defer p.close()
	select {
	case s := <-g.accepted:
		p.server = newEnd(ctx, s)
	case <-time.After(lull):
		_ = client.send(1, answer) // some proxies connect when there is something to pass on
		select {
		case s := <-g.accepted:
			p.server = newEnd(ctx, s)
		case <-time.After(answer):
			return &openError{fmt.Errorf("the proxy did not connect to the server within %v", answer)}
		}
	}
	if err := p.server.Close(); err != nil {
		return err
	}
	// The first that came may not be the client's, but one that the proxy has ready.
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case s := <-g.accepted:
				_ = s.Close()
			case <-done:
				return
			}
		}
	}()
	const when = "the server accepts and closes"
	if e := client.ended(answer); e.How == ends.Nothing {
		f.differ(p, breaksHanging, "%s: the client is not told within %s", when, ends.Brief(answer))
	} else {
		f.note("%s: the client gets a %s after %s", when, e.How, ends.Brief(e.After))
	}
	f.show(p)
	return nil
}

// outage has packets to the server vanish for a moment, which TCP repairs.
func (g *ground) outage(ctx context.Context, f *finding) (err error) {
	p, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	if err := g.path.Lose(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.path.Find()) }()
	sent := p.client.send(before, answer)
	pause(ctx, 2*lull)
	if err := g.path.Find(); err != nil {
		return err
	}
	if err := errors.Join(sent, p.server.receive(before, answer)); err != nil {
		f.differ(p, "a short outage of the network, which TCP repairs, ends connections", "the server is out of reach for %s: %s arrives of %s", ends.Brief(2*lull), ends.Size(p.server.got), ends.Size(before))
		return nil
	}
	f.note("the server is out of reach for %s: everything arrives afterwards", ends.Brief(2*lull))
	return nil
}
