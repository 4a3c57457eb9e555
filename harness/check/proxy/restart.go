package proxy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lastack/harness/check/ends"
)

// restart ends the proxy by SIGTERM while a connection is open, and starts it again.
func restart(ctx context.Context, g *ground, f *finding) error {
	if g.cfg.NAT {
		return forgets(ctx, g, f)
	}
	p, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	var client, server ends.Ending
	var both sync.WaitGroup
	patience := g.lingering()
	both.Go(func() { client = p.client.ended(patience) })
	both.Go(func() { server = p.server.ended(patience) })
	start := time.Now()
	gone := g.program.Terminate(ctx, patience)
	took := time.Since(start)
	both.Wait()
	told := fmt.Sprintf("an open connection: the client gets %s, the server gets %s", client, server)
	switch {
	case !gone:
		f.note("SIGTERM does not end it within %s; %s", ends.Brief(patience), told)
	case client.How != ends.Nothing && server.How != ends.Nothing:
		f.note("SIGTERM ends it after %s; %s", ends.Brief(took), told)
	default:
		if err := exchange(p.client, p.server); err != nil {
			f.differ(p, "both sides hold a connection that leads nowhere", "SIGTERM ends it after %s, but not the open connection, through which nothing passes: %s", ends.Brief(took), told)
		} else {
			f.note("SIGTERM ends it after %s; the open connection goes on, served by another process", ends.Brief(took))
		}
	}
	f.show(p)
	start = time.Now()
	if err := g.again(ctx); err != nil {
		f.differ(nil, "after a restart nobody is served until the old sockets are gone", "it does not start again: %v", err)
		return nil
	}
	again, err := g.open(ctx)
	if err != nil {
		return err
	}
	again.close()
	f.note("started again, it serves after %s", ends.Brief(time.Since(start)))
	return nil
}

// forgets has the middle lose its table of connections, as a router does that restarts,
// and sees whether either side can still send.
func forgets(ctx context.Context, g *ground, f *finding) error {
	for _, by := range []side{theClient, theServer} {
		p, err := g.open(ctx)
		if err != nil {
			return err
		}
		defer p.close()
		if err := g.path.ForgetConnections(); err != nil {
			return err
		}
		from, to := p.ends(by)
		err = from.send(message, answer)
		if err == nil {
			err = to.receive(message, answer)
		}
		if err == nil {
			f.note("the table of connections is lost, the %s sends first: it goes on", by)
		} else {
			f.differ(p, "every connection that was open hangs or is reset at its next use", "the table of connections is lost, the %s sends first: %s", by, g.after(from, to))
		}
		f.show(p)
	}
	return nil
}

// after says what either end got where data did not arrive.
func (g *ground) after(from, to *end) string {
	return fmt.Sprintf("it gets %s, the other side %s", from.ended(lull), to.ended(lull))
}
