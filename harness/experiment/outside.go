package experiment

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"lastack/harness/lab/probe"
	"lastack/harness/lab/wire"
	"lastack/harness/term"
	"lastack/stack/segment"
)

// outside is a stranger as a side: its sockets' states are those that the wire shows,
// since nobody else can be asked.
type outside struct {
	*wire.Process
	name  string
	watch *watch
	// proven are states that an experiment's own look (prove) contradicts.
	proven map[pair]string
	// proof is what that look got, in words.
	proof string
}

// Set fails: settings are arguments of the program.
func (o *outside) Set(name, _ string) error {
	return fmt.Errorf("setting %s of %s: %w", name, o.name, errors.ErrUnsupported)
}

// Do runs f: there is no namespace in which the stranger's sockets would be found.
func (o *outside) Do(f func() error) error { return f() }

// Dial fails: the stranger serves.
func (o *outside) Dial(context.Context, netip.AddrPort, uint16, []byte) (wire.Conn, error) {
	return nil, fmt.Errorf("dialing from %s: %w", o.name, errors.ErrUnsupported)
}

// State is a server's socket.
func (o *outside) State(local, remote netip.AddrPort) (string, error) {
	p := pair{client: remote, server: local}
	if s, ok := o.proven[p]; ok {
		return s, nil
	}
	return o.watch.serverState(p), nil
}

// Count counts by the latest connection of each 4-tuple.
func (o *outside) Count() (timeWait, live int, err error) {
	for _, p := range o.tuples() {
		switch s, _ := o.State(p.server, p.client); s {
		case "TIME_WAIT":
			timeWait++
		case "CLOSED", silent:
		default:
			live++
		}
	}
	return timeWait, live, nil
}

// tuples are the 4-tuples of the connections so far, each once.
func (o *outside) tuples() (all []pair) {
	for _, p := range o.watch.pairs() {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// silent is the state of a socket that owes an answer and gives none.
const silent = "silent"

// Bounds of a look at sockets from outside.
const (
	mostProven  = 16 // connections
	provings    = 3
	proofWithin = 300 * time.Millisecond
)

// prove sends the client's FIN again to sockets of which the wire says that they are in
// TIME_WAIT or CLOSE_WAIT: both owe an ACK (RFC 9293 3.10.7.4), which is what TIME_WAIT is
// for. Who answers with a RST has forgotten the connection. Where the wire says that a RST
// ended a TIME_WAIT, an ACK shows that it did not. What crosses the wire from now on belongs
// to no connection of the experiment's.
func (o *outside) prove(ctx context.Context, near wire.Side) error {
	owe := o.watch.owing(o.tuples())
	if len(owe) == 0 {
		return nil
	}
	o.watch.ignoreAll()
	o.proven = map[pair]string{}
	var p *probe.Probe
	err := near.Do(func() (err error) {
		p, err = probe.Open(linkName, owe[0].client.Addr()) // of all: an experiment has one client
		return err
	})
	if err != nil {
		return err
	}
	for _, one := range owe[:min(len(owe), mostProven)] {
		if err = o.proveOne(ctx, p, one); err != nil {
			break
		}
	}
	return errors.Join(err, p.Close())
}

func (o *outside) proveOne(ctx context.Context, p *probe.Probe, one pair) error {
	fin, ok := o.watch.clientFIN(one)
	if !ok {
		return nil
	}
	got, err := again(ctx, p.Conn(one.client.Port(), one.server), fin)
	switch {
	case err != nil:
		return err
	case got == "":
		o.proven[one], o.proof = silent, "a FIN that was sent again got no answer"
	case strings.Contains(got, "RST"):
		o.proven[one], o.proof = "CLOSED", "a FIN that was sent again got "+got
	case o.watch.serverState(one) == "CLOSED":
		o.proven[one], o.proof = "TIME_WAIT", "a FIN that was sent again got "+got
	}
	return nil
}

// again sends a segment up to three times, until it is answered, and returns the answer's
// flags; empty if there is none.
func again(ctx context.Context, c *probe.Conn, s segment.Segment) (string, error) {
	for range provings {
		if err := c.Inject(s, make([]byte, s.PayloadLen)); err != nil {
			return "", err
		}
		wait, cancel := context.WithTimeout(ctx, proofWithin)
		got, err := c.Receive(wait)
		over := wait.Err() != nil
		cancel()
		switch {
		case err == nil:
			return bare(got.Flags.String()), nil
		case ctx.Err() != nil || !over:
			return "", err
		}
	}
	return "", nil
}

// died says how the program ended, with the last that it printed; empty while it runs.
func (o *outside) died() string {
	ended := o.Ended()
	if ended == "" {
		return ""
	}
	return fmt.Sprintf("%s died: %s; %s", o.name, ended, lastWords(o.Output()))
}

// lastWords is the end of what a program printed, on one line.
func lastWords(text string) string {
	const most = 400
	text = strings.TrimSpace(text)
	if text == "" {
		return "it printed nothing"
	}
	if len(text) > most {
		text = "..." + text[len(text)-most:]
	}
	return "it printed last: " + term.Quote(text)
}
