package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lastack/harness/check/ends"
)

const breaksHanging = "a client waits for a server that will not come until it gives up by itself, and no other server is tried"

// refused has nobody listen at the server. The proxy has accepted the client by then, in
// most cases, so that a RST or a FIN are all it can say.
func refused(ctx context.Context, g *ground, f *finding) (err error) {
	g.opening.Lock()
	defer g.opening.Unlock()
	if err := g.unlisten(); err != nil {
		return fmt.Errorf("closing the server's listener: %w", err)
	}
	defer func() { err = errors.Join(err, g.listen()) }()
	g.turnedAway(ctx, f, "connection refused")
	return nil
}

// unreachable has the server be where no route leads, and then where nobody answers.
func unreachable(ctx context.Context, g *ground, f *finding) error {
	g.opening.Lock()
	defer g.opening.Unlock()
	if err := g.path.Unreach(); err != nil {
		return err
	}
	g.turnedAway(ctx, f, "no route to host")
	if err := g.path.Reach(); err != nil {
		return err
	}
	if err := g.path.Lose(); err != nil {
		return err
	}
	g.unanswered(ctx, f)
	return g.path.Find()
}

// turnedAway connects a client while the proxy cannot connect to the server, and demands
// that the client learns of it.
func (g *ground) turnedAway(ctx context.Context, f *finding, why string) {
	start := time.Now()
	client, err := g.dial(ctx, answer)
	var answered *RefusedError
	switch {
	case errors.As(err, &answered):
		f.note("%s: %v after %s", why, answered, ends.Brief(time.Since(start)))
		return
	case err != nil && time.Since(start) >= answer:
		f.differ(nil, breaksHanging, "%s: the client is not told within %s", why, ends.Brief(answer))
		return
	case err != nil:
		f.note("%s: the client's attempt fails after %s: %s", why, ends.Brief(time.Since(start)), lastly(err))
		return
	}
	p := &pair{client: client}
	defer p.close()
	_ = client.send(1, answer) // some proxies connect when there is something to pass on
	e := client.ended(answer)
	switch {
	case e.How == ends.Nothing:
		f.differ(p, breaksHanging, "%s: the client is not told within %s", why, ends.Brief(answer))
	case client.got > 0:
		f.differ(p, "a client takes what the proxy says for the server's words", "%s: the client gets %d bytes that no server sent, then %s", why, client.got, e)
	case e.How == ends.FIN:
		f.note("%s: the client gets a FIN after %s, which looks like an empty answer", why, ends.Brief(e.After))
	default:
		f.note("%s: the client gets a RST after %s", why, ends.Brief(e.After))
	}
	f.show(p)
}

// unanswered connects a client while the proxy's SYNs vanish.
func (g *ground) unanswered(ctx context.Context, f *finding) {
	start := time.Now()
	client, err := g.dial(ctx, g.cfg.Patience)
	if err != nil {
		f.note("no answer from the server: the client's attempt is not through after %s", ends.Brief(time.Since(start)))
		return
	}
	p := &pair{client: client}
	defer p.close()
	_ = client.send(1, answer)
	if e := client.ended(g.cfg.Patience); e.How == ends.Nothing {
		f.note("no answer from the server: the proxy still tries after %s", ends.Brief(e.After))
	} else {
		f.note("no answer from the server: the client gets a %s after %s", e.How, ends.Brief(e.After))
	}
}

// lastly is the innermost error, which says why.
func lastly(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
