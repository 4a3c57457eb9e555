package service

import (
	"bytes"
	"context"
	"errors"
	"time"

	"lastack/harness/check/ends"
	"lastack/harness/lab"
)

// closes asks, waits for the answer, and closes: is the FIN answered by a FIN?
func closes(ctx context.Context, r *run, f *finding) error {
	c, first, err := r.exchange(ctx)
	if err != nil {
		return err
	}
	defer f.show(c)
	defer c.close()
	switch first.How {
	case ends.FIN:
		f.note("the service closes first, %s after the request, with a FIN", ends.Brief(first.After))
		return nil
	case ends.RST:
		f.differ(breaksReset, "the service ends the exchange by a RST, %s after the request, behind %s", ends.Brief(first.After), ends.Size(c.got))
		return nil
	}
	if err := c.closeWrite(); err != nil {
		return err
	}
	switch e := c.read(r.cfg.Patience); e.How {
	case ends.FIN:
		f.note("a FIN is answered by a FIN after %s", ends.Brief(e.After))
	case ends.RST:
		f.differ(breaksReset, "a FIN is answered by a RST after %s", ends.Brief(e.After))
	default:
		f.note("a FIN is not answered within %s: the service keeps its half open", ends.Brief(r.cfg.Patience))
	}
	return nil
}

const breaksReset = "a client takes an orderly end for a failure, and may lose the end of an answer that it had not read yet"

// exchange connects, sends what there is to send, and reads the answer.
func (r *run) exchange(ctx context.Context) (*conn, ends.Ending, error) {
	c, err := r.dial(ctx)
	if err != nil {
		return nil, ends.Ending{}, err
	}
	e := ends.Ending{How: ends.Nothing}
	if r.cfg.Send != "" {
		if err := c.send([]byte(r.cfg.Send), r.cfg.Patience); err != nil {
			c.close()
			return nil, e, err
		}
		e = c.answer(r.cfg.Patience)
	}
	return c, e, nil
}

// timeWait closes in order, and looks which side is left with TIME_WAIT.
func timeWait(ctx context.Context, r *run, f *finding) error {
	c, first, err := r.exchange(ctx)
	if err != nil {
		return err
	}
	defer f.show(c)
	if first.How == ends.Nothing {
		if err := c.closeWrite(); err != nil {
			c.close()
			return err
		}
		c.read(r.cfg.Patience)
	}
	c.close()
	state := ""
	for deadline := time.Now().Add(lull); state != "TIME_WAIT" && time.Now().Before(deadline) && ctx.Err() == nil; pause(ctx, 5*time.Millisecond) {
		s, err := lab.FindSocket(c.own(), r.at)
		switch {
		case errors.Is(err, lab.ErrNoSocket):
			state = "CLOSED"
		case err != nil:
			return err
		default:
			state = s.State
		}
	}
	switch {
	case state == "TIME_WAIT":
		f.note("the client closes first and keeps TIME_WAIT; a client that connects often runs out of ports")
	case first.How == ends.FIN && state == "CLOSED":
		f.note("the service closes first and keeps TIME_WAIT, of which the client has none")
	case first.How == ends.RST:
		f.note("a RST ended the connection: neither side keeps TIME_WAIT")
	default:
		f.note("the client's socket is in %s", state)
	}
	return nil
}

// halfClose sends the request with the FIN behind it, and expects the same answer as
// without.
func halfClose(ctx context.Context, r *run, f *finding) error {
	c, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer f.show(c)
	defer c.close()
	if r.cfg.Send != "" {
		if err := c.send([]byte(r.cfg.Send), r.cfg.Patience); err != nil {
			return err
		}
	}
	if err := c.closeWrite(); err != nil {
		return err
	}
	e := c.read(r.cfg.Patience)
	const breaks = "a client that half-closes behind its request (nc -N, HTTP/1.0 scripts) gets no answer"
	switch {
	case e.How == ends.RST:
		f.differ(breaks, "a half-close is answered by a RST after %s, behind %s", ends.Brief(e.After), ends.Size(c.got))
	case r.cfg.Send == "" && e.How == ends.FIN:
		f.note("a half-close is answered by a FIN after %s", ends.Brief(e.After))
	case r.cfg.Send == "":
		f.note("a half-close is not answered within %s", ends.Brief(r.cfg.Patience))
	case c.got > 0:
		f.note("the answer to a request with a half-close behind it arrives: %s, then %s", ends.Size(c.got), e)
	default:
		got, err := r.answered(ctx)
		if err != nil {
			return err
		}
		if got == 0 {
			f.note("no answer, with a half-close behind the request or without")
		} else {
			f.differ(breaks, "a request with a half-close behind it gets no answer, one without gets %s", ends.Size(got))
		}
	}
	return nil
}

// answered is how many bytes a request gets.
func (r *run) answered(ctx context.Context) (int64, error) {
	c, _, err := r.exchange(ctx)
	if err != nil {
		return 0, err
	}
	c.close()
	return c.got, nil
}

const breaksUnread = "a client that sends more than the service reads (an upload that is refused) gets a reset in place of the answer, now and then"

// wasReset reports whether a RST came behind the FIN, which a socket tells who writes to it.
func (c *conn) wasReset(ctx context.Context) bool {
	pause(ctx, lull)
	return ends.Of(c.send([]byte{'x'}, lull), 0).How == ends.RST
}

// unreadData sends more behind the request than the service will read: if it closes with
// that unread, its kernel sends a RST, which can overtake the answer.
func unreadData(ctx context.Context, r *run, f *finding) error {
	c, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer f.show(c)
	defer c.close()
	text := append([]byte(r.cfg.Send), bytes.Repeat([]byte{'x'}, MaxPadding)...)
	sent := c.send(text, r.cfg.Patience)
	e := c.answer(r.cfg.Patience)
	if e.How == ends.FIN && c.wasReset(ctx) {
		f.differ(breaksUnread, "the service closes with data unread: a RST behind the FIN; this time the answer (%s) had arrived before it", ends.Size(c.got))
		return nil
	}
	switch {
	case e.How == ends.RST || sent != nil && ends.Of(sent, 0).How == ends.RST:
		f.differ(breaksUnread, "the service closes with data unread: a RST, behind %s of answer", ends.Size(c.got))
	case e.How == ends.FIN:
		f.note("%s behind the request that nobody asked for: the answer arrives (%s), then a FIN", ends.Size(MaxPadding), ends.Size(c.got))
	default:
		f.note("%s behind the request that nobody asked for: %s of answer, and the connection stays open", ends.Size(MaxPadding), ends.Size(c.got))
	}
	return nil
}

// idle connects and says nothing.
func idle(ctx context.Context, r *run, f *finding) error {
	c, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer f.show(c)
	defer c.close()
	switch e := c.wait(r.cfg.Patience); e.How {
	case ends.FIN:
		f.note("a connection that says nothing is closed after %s, by a FIN", ends.Brief(e.After))
	case ends.RST:
		f.differ("a client cannot tell the service's idle limit from a failure", "a connection that says nothing is reset after %s", ends.Brief(e.After))
	default:
		f.note("a connection that says nothing is not closed within %s", ends.Brief(r.cfg.Patience))
	}
	return nil
}

// keepAliveRace keeps a connection after an answer. When the service closes it without
// having said when, a client may send its next request at that moment, and lose it.
func keepAliveRace(ctx context.Context, r *run, f *finding) error {
	c, first, err := r.exchange(ctx)
	if err != nil {
		return err
	}
	defer f.show(c)
	defer c.close()
	said := announcement(c.head)
	if first.How != ends.Nothing {
		f.note("the service closes behind each answer: there is no connection to use again")
		return nil
	}
	e := c.wait(r.cfg.Patience)
	after := ends.Brief(lull + e.After)
	switch {
	case e.How == ends.Nothing:
		f.note("a connection is not closed within %s of its last answer", after)
		if said != "" {
			f.note("the answer says %q", said)
		}
	case said != "":
		f.note("closed %s after the answer, which announced it: %q", after, said)
	default:
		f.differ("a client that uses the connection again just then gets a reset for its request, and cannot know whether it was carried out (keep-alive race)",
			"closed by a %s %s after the answer, which did not announce it", e.How, after)
		f.note("clients should drop idle connections earlier, or the service announce its limit (Keep-Alive: timeout=N)")
	}
	return nil
}

// wait waits for the end of a connection, without a break. Words that the service says
// meanwhile (a greeting) do not count.
func (c *conn) wait(patience time.Duration) ends.Ending {
	start, buf := time.Now(), make([]byte, 4<<10)
	if err := c.tcp.SetReadDeadline(start.Add(patience)); err != nil {
		return ends.Of(err, 0)
	}
	for {
		n, err := c.stream().Read(buf)
		c.take(buf[:n])
		if err != nil {
			return ends.Of(err, time.Since(start))
		}
	}
}

// pause waits, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
