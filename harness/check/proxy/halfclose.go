package proxy

import (
	"context"
	"fmt"
	"time"

	"lastack/harness/check/ends"
)

// lull is how long a proxy is given to do by itself what it should not.
const lull = 150 * time.Millisecond

const (
	breaksHalfClose = "a side that says it has sent everything and then waits for the answer (nc -N, ssh, rsync, HTTP/1.0 uploads) loses the answer"
	breaksNoFIN     = "a side that reads to the end of the request never gets there: both wait until one gives up"
)

// halfClose has one end close its sending half. The other end should read the end of the
// stream, and still be able to answer.
func halfClose(ctx context.Context, g *ground, f *finding, by side) error {
	p, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	from, to := p.ends(by)
	if err := from.CloseWrite(); err != nil {
		return fmt.Errorf("half-closing: %w", err)
	}
	e := to.ended(answer)
	switch e.How {
	case ends.FIN:
		f.note("the FIN is passed on after %s", ends.Brief(e.After))
	case ends.RST:
		f.differ(p, breaksHalfClose, "the %s half-closes: the %s gets a RST after %s", by, by.other(), ends.Brief(e.After))
		return nil
	default:
		f.differ(p, breaksNoFIN, "the %s half-closes: the FIN does not arrive at the %s within %s", by, by.other(), ends.Brief(answer))
		return nil
	}
	early := from.ended(lull)
	if early.How != ends.Nothing {
		f.differ(p, breaksHalfClose, "the half-close becomes a close: the %s, which could still receive, gets a %s %s after it half-closed", by, early.How, ends.Brief(e.After+early.After))
		return nil
	}
	err = to.send(message, answer)
	if err == nil {
		err = from.receive(message, answer)
	}
	if err != nil {
		f.differ(p, breaksHalfClose, "the other direction does not work any more: %s", ends.Of(err, 0).Why())
		return nil
	}
	f.note("the other direction stays open")
	if err := to.CloseWrite(); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	if back := from.ended(answer); back.How != ends.FIN {
		f.differ(p, "who waits for the end of the answer does not get it", "the %s closes, too: the %s gets %s", by.other(), by, back)
	}
	f.show(p)
	return nil
}

// manner is a way to send an answer.
type manner struct {
	name   string
	pieces int
	size   int64
	pause  time.Duration
}

var manners = []manner{
	{"1 byte", 1, 1, 0},
	{"1 MB", 1, 1 << 20, 0},
	{"8 pieces 100 ms apart", 8, message, 100 * time.Millisecond},
}

// dataAfterHalfClose has one end half-close, and the other send an answer, small, large
// and slow.
func dataAfterHalfClose(ctx context.Context, g *ground, f *finding) error {
	for _, by := range []side{theClient, theServer} {
		for _, m := range manners {
			if err := g.answerAfter(ctx, f, by, m); err != nil {
				return err
			}
		}
	}
	if len(f.differs) == 0 {
		f.note("1 byte, 1 MB, and 8 pieces 100 ms apart arrive whole, in both directions")
	}
	return nil
}

func (g *ground) answerAfter(ctx context.Context, f *finding, by side, m manner) error {
	p, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	from, to := p.ends(by)
	if err := from.CloseWrite(); err != nil {
		return fmt.Errorf("half-closing: %w", err)
	}
	_ = to.ended(lull) // the checks of half-closes judge that; a FIN does not cut it short otherwise
	done := make(chan ends.Ending, 1)
	go func() { done <- from.ended(2 * answer) }()
	for range m.pieces {
		if to.send(m.size, answer) != nil || m.pause > 0 && !pause(ctx, m.pause) {
			break // what arrived tells
		}
	}
	_ = to.CloseWrite()
	e := <-done
	if total := int64(m.pieces) * m.size; from.got != total || from.wrong || e.How != ends.FIN {
		f.differ(p, breaksHalfClose, "%s from the %s after the %s half-closed: %s of %s arrive, then %s",
			m.name, by.other(), by, ends.Size(from.got), ends.Size(total), e.Why())
	}
	f.show(p)
	return nil
}
