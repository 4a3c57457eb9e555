package proxy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lastack/harness/check/ends"
	"lastack/harness/lab/middle"
)

// rounds is how many connections of each kind come and go.
const rounds = 10

// leak makes connections come and go in every way, and looks for what the proxy holds
// afterwards.
func leak(ctx context.Context, g *ground, f *finding) error {
	if g.cfg.NAT {
		f.skip = "a NAT holds no sockets; its table of connections forgets by itself"
		return nil
	}
	kinds := []func(context.Context, *pair){
		func(_ context.Context, p *pair) { leaveInTurn(p.client, p.server) },
		func(_ context.Context, p *pair) { leaveInTurn(p.server, p.client) },
		func(_ context.Context, p *pair) { _ = p.client.abort(); p.server.ended(answer) },
		func(_ context.Context, p *pair) { _ = p.server.abort(); p.client.ended(answer) },
		func(_ context.Context, p *pair) { answerAndLeave(p) },
	}
	for _, k := range kinds { // what it allocates once is no leak
		if err := g.round(ctx, k); err != nil {
			return err
		}
	}
	before, err := g.settled(ctx, nil)
	if err != nil {
		return err
	}
	for range rounds {
		for _, k := range kinds {
			if err := g.round(ctx, k); err != nil {
				return err
			}
		}
	}
	after, err := g.settled(ctx, &before)
	if err != nil {
		return err
	}
	f.held(&before, &after, rounds*len(kinds))
	return nil
}

// held judges what the proxy holds more than before, after n connections.
func (f *finding) held(before, after *middle.Usage, n int) {
	const breaks = "the proxy runs out of descriptors or memory after hours or days, and then serves nobody"
	later := fmt.Sprintf("%s after %d connections came and went", ends.Brief(f.g.lingering()), n)
	sockets := after.Total() - before.Total()
	if sockets >= rounds/2 {
		f.differ(nil, breaks, "%s the proxy holds %d sockets more: %s", later, sockets, more(before.Sockets, after.Sockets))
	}
	if d := after.Descriptors - before.Descriptors; d >= rounds/2 && sockets < rounds/2 {
		f.differ(nil, breaks, "%s the proxy holds %d descriptors more, of sockets that are closed", later, d)
	}
	if d := after.Processes - before.Processes; d >= rounds/2 {
		f.differ(nil, breaks, "%s the proxy has %d processes more", later, d)
	}
	if len(f.differs) == 0 {
		f.note("after %d connections came and went no socket, descriptor or process is left", n)
	}
	f.note("memory grew by %s", ends.Size(max(after.Memory-before.Memory, 0)))
}

// round opens a connection and has something done with it.
func (g *ground) round(ctx context.Context, do func(context.Context, *pair)) error {
	p, err := g.open(ctx)
	if err != nil {
		return err
	}
	do(ctx, p)
	p.close()
	return nil
}

// leaveInTurn closes one end, and the other once it knows.
func leaveInTurn(first, second *end) {
	_ = first.Close() // what the proxy keeps of it is what is looked for
	second.ended(answer)
	_ = second.Close()
}

// answerAndLeave has the client half-close and the server answer.
func answerAndLeave(p *pair) {
	_ = p.client.CloseWrite()
	p.server.ended(lull)
	_ = p.server.send(message, answer)
	_ = p.server.Close()
	p.client.ended(answer)
}

// lingering is how long what is closed may linger at least.
const lingering = 2 * time.Second

// lingering is how long what is closed may linger.
func (g *ground) lingering() time.Duration { return max(g.cfg.Patience, lingering) }

// settled measures what the proxy holds, once that no longer shrinks to what it was, or
// after a while.
func (g *ground) settled(ctx context.Context, before *middle.Usage) (u middle.Usage, err error) {
	poll(ctx, g.lingering(), func() bool {
		pause(ctx, 20*time.Millisecond)
		u, err = middle.Measure(g.path)
		if before == nil {
			return err != nil || u.Total() == 0
		}
		return err != nil || u.Total() <= before.Total() && u.Descriptors <= before.Descriptors && u.Processes <= before.Processes
	})
	return u, err
}

// more lists the states that have more sockets than before.
func more(before, after map[string]int) string {
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(after)) {
		if d := after[state] - before[state]; d > 0 {
			parts = append(parts, fmt.Sprintf("%d in %s", d, state))
		}
	}
	return strings.Join(parts, ", ")
}
