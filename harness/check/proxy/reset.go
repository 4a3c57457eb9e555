package proxy

import (
	"context"
	"fmt"

	"lastack/harness/check/ends"
)

// before is how much is sent before a reset: less than any buffer on the way.
const before = 32 << 10

// The ways to abort.
const (
	lingerZero = "SO_LINGER 0"
	unreadData = "unread data"
	killed     = "killed process"
)

const breaksReset = "the other side takes an aborted transfer for a complete one, where only the end of the stream marks its end"

// resets has one end abort: by SO_LINGER 0, by closing with data unread, and by the death of
// its process with data unread. The kernel sends a RST for each.
func resets(ctx context.Context, g *ground, f *finding, by side) error {
	for _, way := range []string{lingerZero, unreadData, killed} {
		p, err := g.open(ctx)
		if err != nil {
			return err
		}
		err = g.reset(ctx, f, p, by, way)
		p.close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *ground) reset(ctx context.Context, f *finding, p *pair, by side, way string) error {
	from, to := p.ends(by)
	if err := from.send(before, answer); err != nil {
		return fmt.Errorf("sending %d bytes: %w", before, err)
	}
	if !from.acknowledged(ctx, answer) {
		return fmt.Errorf("%d bytes from the %s were not acknowledged within %v", before, by, answer)
	}
	var err error
	if way != lingerZero {
		if err = to.send(message, answer); err == nil && !from.holds(ctx, answer) {
			err = fmt.Errorf("%d bytes from the %s did not arrive within %v", message, by.other(), answer)
		}
	}
	if err == nil {
		switch way {
		case lingerZero:
			err = from.abort()
		case unreadData:
			err = from.Close()
		case killed:
			err = from.kill(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("aborting by %s: %w", way, err)
	}
	e := to.ended(answer)
	kept := "all acknowledged before arrived"
	if to.got != before || to.wrong {
		kept = fmt.Sprintf("of %s acknowledged before, %s arrived", ends.Size(before), ends.Size(to.got))
	}
	switch e.How {
	case ends.RST:
		f.note("%s: RST passed on after %s, %s", way, ends.Brief(e.After), kept)
	case ends.FIN:
		f.differ(p, breaksReset, "%s: the RST arrives as a FIN after %s, %s", way, ends.Brief(e.After), kept)
	default:
		f.differ(p, "the other side holds a connection whose peer is gone until it sends, or for ever", "%s: the RST does not arrive within %s", way, ends.Brief(answer))
	}
	f.show(p)
	return nil
}
