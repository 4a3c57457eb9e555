package proxy

import (
	"context"
	"sync"
	"time"

	"lastack/harness/check/ends"
	"lastack/harness/lab/middle"
)

const (
	// unbounded is how much a proxy takes for a reader that does not read before it is
	// said to have no bound: many times what all sockets on the way can hold.
	unbounded = 32 << 20
	// stuck is how long a writer makes no progress before it counts as held up.
	stuck = time.Second
)

// backpressure has a reader stop, at the server and then at the client. The writer should
// be held up, and everything arrive once the reader goes on.
func backpressure(ctx context.Context, g *ground, f *finding) error {
	readers := []side{theServer, theClient}
	var pairs [2]*pair
	for i := range readers {
		p, err := g.open(ctx)
		if err != nil {
			return err
		}
		defer p.close()
		pairs[i] = p
	}
	if g.empty == nil {
		u, err := middle.Measure(g.path)
		if err != nil {
			return err
		}
		g.empty = &u
	}
	var took [2]int64
	var both sync.WaitGroup
	for i, reader := range readers {
		_, writer := pairs[i].ends(reader)
		both.Go(func() { took[i] = writer.fill() })
	}
	both.Wait()
	full, err := middle.Measure(g.path)
	if err != nil {
		return err
	}
	if grown := full.Memory - g.empty.Memory; g.program != nil {
		defer func() { f.note("meanwhile the proxy's memory grew by %s", ends.Size(max(grown, 0))) }()
	}
	for i, reader := range readers {
		p := pairs[i]
		from, to := p.ends(reader)
		if took[i] >= unbounded {
			f.differ(p, "a slow reader makes the proxy's memory grow until it is killed, with everybody's connections", "the %s stops reading: the proxy takes %s, which is as much as is tried, and goes on", reader, ends.Size(took[i]))
		} else {
			f.note("the %s stops reading: the writer is held up after %s", reader, ends.Size(took[i]))
		}
		if err := from.receive(took[i], 6*answer); err != nil {
			if _, e, cut := g.idleLimit(ctx); cut && e.After < 3*stuck {
				f.note("the %s reads again: the connection is gone, cut as any idle connection is", reader)
				continue
			}
			f.differ(p, "what was sent to a slow reader is lost", "the %s reads again: %s of %s arrive: %v", reader, ends.Size(from.got), ends.Size(took[i]), err)
			continue
		}
		_ = to.CloseWrite()
		if e := from.ended(answer); e.How != ends.FIN {
			f.differ(p, "a slow reader does not learn of the end", "the %s has read everything, the %s closes: it gets %s", reader, reader.other(), e)
		}
		f.show(p)
	}
	return nil
}

// fill writes until the connection is full, and returns how much that was.
func (e *end) fill() int64 {
	start := e.sent
	for e.sent-start < unbounded {
		// A deadline may cut a piece in the middle: what was sent of it counts, and is
		// progress, as slow as a busy machine may make it.
		before := e.sent
		if e.send(64<<10, stuck) != nil && e.sent == before {
			break // if it was more than the deadline, the reader will tell
		}
	}
	return e.sent - start
}
