package proxy

import (
	"context"
	"fmt"
	"slices"

	"lastack/harness/teardown"

	"lastack/harness/check/ends"
)

// message is a small answer's size.
const message = 1000

// closes has either end send something and close at once: how does each leg close, who is
// left with TIME_WAIT, and does the FIN travel with data?
func closes(ctx context.Context, g *ground, f *finding) error {
	for _, by := range []side{theClient, theServer} {
		p, err := g.open(ctx)
		if err != nil {
			return err
		}
		from, to := p.ends(by)
		if err := from.send(message, answer); err != nil {
			return fmt.Errorf("sending %d bytes: %w", message, err)
		}
		if err := from.CloseWrite(); err != nil {
			return fmt.Errorf("closing: %w", err)
		}
		e := to.ended(answer)
		whole := to.got == message && !to.wrong
		_ = to.Close()
		back := from.ended(answer)
		_ = from.Close()
		switch {
		case !whole:
			f.differ(p, "what is sent just before closing is lost", "of %d bytes that the %s sent before it closed, %s", message, by, to.received(message))
		case e.How != ends.FIN:
			f.differ(p, "the other side does not learn that the transfer is complete", "the %s closes: the %s gets %s", by, by.other(), e)
		case back.How != ends.FIN:
			f.differ(p, "who closed first takes an orderly end for a failure, or waits for it", "both sides have closed, the %s first: it gets %s", by, back)
		}
		f.show(p)
		g.describe(f, p, by)
	}
	return nil
}

// received says how much of n bytes arrived.
func (e *end) received(n int64) string {
	switch {
	case e.wrong:
		return "others arrived than were sent"
	case e.got == 0:
		return "none arrived"
	}
	return fmt.Sprintf("%d arrived", min(e.got, n))
}

// describe notes how both legs closed.
func (g *ground) describe(f *finding, p *pair, by side) {
	var legs []string
	a, b := g.finished(p)
	for i, r := range []*teardown.Report{a, b} {
		if r == nil {
			continue
		}
		name := []string{"client leg", "server leg"}[i]
		s := fmt.Sprintf("%s %s in %s, TIME_WAIT %s", name, r.Close, segments(r), g.whose(r.TimeWait, i))
		if merged(r, i) {
			s += ", FIN in a segment with data"
		}
		legs = append(legs, s)
	}
	f.note("%s closes first: %s", by, join(legs))
}

// finished waits until both legs are over, as far as they come to that.
func (g *ground) finished(p *pair) (a, b *teardown.Report) {
	poll(context.Background(), lull, func() bool {
		a, b = g.reports(p)
		return orderly(a) && orderly(b)
	})
	return a, b
}

func orderly(r *teardown.Report) bool {
	return r != nil && slices.Contains([]teardown.Kind{teardown.ThreeWay, teardown.FourWay, teardown.Simultaneous, teardown.Reset}, r.Close) &&
		r.AckDelayUS >= 0
}

// segments counts those of the close.
func segments(r *teardown.Report) string {
	n := 0
	for i := range r.Segments {
		if r.Segments[i].Elided == nil {
			n++
		}
	}
	if n == 1 {
		return "1 segment"
	}
	return fmt.Sprintf("%d segments", n)
}

// whose names who is in TIME_WAIT on the leg i: on the client's the server is the proxy.
func (g *ground) whose(w teardown.Who, i int) string {
	names := map[teardown.Who]string{teardown.Client: "client", teardown.Server: g.middle(), teardown.Both: "both", teardown.None: "none"}
	switch {
	case g.cfg.NAT: // which has no states of TCP
		names[teardown.Server] = "server"
	case i == 1:
		names[teardown.Client], names[teardown.Server] = g.middle(), "server"
	}
	return names[w]
}

// merged reports whether the proxy sent its FIN with data, on the leg i.
func merged(r *teardown.Report, i int) bool {
	proxys := []teardown.Who{teardown.Server, teardown.Client}[i]
	return slices.ContainsFunc(r.Segments, func(l teardown.Line) bool {
		return l.From == proxys && l.Len > 0 && slices.Contains([]string{"FIN+ACK", "FIN+PSH+ACK", "PSH+FIN+ACK"}, l.Flags)
	})
}

func join(parts []string) string {
	switch len(parts) {
	case 0:
		return "nothing was seen"
	case 1:
		return parts[0]
	}
	return parts[0] + ", " + parts[1]
}
