package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab/probe"
	"lastack/harness/lab/wire"
	"lastack/stack/segment"
)

// SubjectError says that a stranger is not fit to be a subject: it does not start, is not
// ready in time, or ends before it is.
type SubjectError struct {
	Name, File string
	Err        error
}

// Error names the stranger and its file.
func (e *SubjectError) Error() string {
	return fmt.Sprintf("the subject %s (%s) %v", e.Name, e.File, e.Err)
}

// Unwrap gives what was wrong.
func (e *SubjectError) Unwrap() error { return e.Err }

// knocker is who asks a stranger whether it is ready.
var knocker = netip.MustParseAddr("10.77.0.8")

const (
	knockPort   = 39999
	knockWithin = 100 * time.Millisecond
	knockPause  = 20 * time.Millisecond
)

// awaitReady returns when the stranger is ready.
func (g *ground) awaitReady(ctx context.Context, s *Stranger) error {
	within := time.Duration(s.Ready.Within)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if s.Ready.Line != "" {
		select {
		case <-g.outside.Said():
			return nil
		case <-g.outside.Over():
			return g.outside.unready()
		case <-ctx.Done():
			return fmt.Errorf("did not print %s within %v; %s", quote(s.Ready.Line), within, lastWords(g.outside.Output()))
		}
	}
	to := g.to
	if s.Ready.Port != 0 {
		to = netip.AddrPortFrom(to.Addr(), uint16(s.Ready.Port))
	}
	got, err := g.knock(ctx, to)
	switch {
	case err != nil || got == "SYN+ACK":
		return err
	case g.outside.Ended() != "":
		return g.outside.unready()
	case got != "":
		return fmt.Errorf("does not listen at %s: a SYN got %s for %v; %s", to, got, within, lastWords(g.outside.Output()))
	case g.outside.Packets() == 0:
		return fmt.Errorf("sent nothing at all within %v; does it serve on {TUN}? %s", within, lastWords(g.outside.Output()))
	}
	return fmt.Errorf("did not answer a SYN to %s within %v; %s", to, within, lastWords(g.outside.Output()))
}

// unready says that the program ended before it was ready.
func (o *outside) unready() error {
	return fmt.Errorf("ended before it was ready: %s; %s", o.Ended(), lastWords(o.Output()))
}

// knock sends SYNs until one is answered by SYN+ACK, the program ends, or ctx does, and
// returns the flags of the latest answer.
func (g *ground) knock(ctx context.Context, to netip.AddrPort) (got string, err error) {
	var p *probe.Probe
	err = g.Near.Do(func() (err error) {
		p, err = probe.Open(linkName, knocker)
		return err
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	c := p.Conn(knockPort, to)
	for syn := c.Next(segment.SYN); ; {
		if err := c.Inject(syn, nil); err != nil {
			return got, err
		}
		wait, cancel := context.WithTimeout(ctx, knockWithin)
		s, err := c.Receive(wait)
		cancel()
		if err == nil {
			got = bare(s.Flags.String())
		}
		if got == "SYN+ACK" {
			c.Seq = syn.End()
			return got, c.Inject(c.Next(segment.RST), nil)
		}
		select {
		case <-ctx.Done():
			return got, nil
		case <-g.outside.Over():
			return got, nil
		case <-time.After(knockPause):
		}
	}
}

// program is the wire's subject: the program that serves what the experiment asks for.
func (s *Stranger) program(e *Experiment, serves app.Spec) wire.Program {
	p := wire.Program{Dir: s.dir(), TAP: s.Device == "tap", Says: s.Ready.Line}
	for _, arg := range s.Command {
		p.Command = append(p.Command, strings.ReplaceAll(arg, appPlaceholder, serves.String()))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Tunables.Subject)) {
		if arg, ok := s.Tunables[name]; ok {
			p.Command = append(p.Command, strings.ReplaceAll(arg, "{VALUE}", e.Tunables.Subject[name]))
		}
	}
	return p
}
