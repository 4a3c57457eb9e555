package experiment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"lastack/harness/lab/probe"
	"lastack/stack/segment"
)

// crafted is a client that makes its segments itself (package probe), at an
// address of its own that no kernel answers for.
type crafted struct {
	probe *probe.Probe
	to    netip.AddrPort
	conns map[uint16]*probe.Conn
	conn  *probe.Conn // the latest
}

const (
	craftedPort = 40000 // where connect names none
	mostCrafted = 1200  // bytes of a crafted segment
	// answerTimeout is how long an answer is waited for, silence how long none
	// must come.
	answerTimeout = 3 * time.Second
	silence       = 200 * time.Millisecond
)

var craftedAddr = netip.MustParseAddr("10.77.0.9")

// Answer is what a crafted segment got.
type Answer struct {
	Step string `json:"step"`
	// Got is nothing, or the flags of the first segment that came back; of a
	// read it is the text.
	Got string `json:"got"`
}

// openCrafted prepares a client of crafted segments on the link.
func (g *ground) openCrafted() (c *crafted, err error) {
	c = &crafted{to: g.to, conns: map[uint16]*probe.Conn{}}
	var at net.HardwareAddr
	err = g.Near.Do(func() (err error) {
		if c.probe, err = probe.Open(linkName, craftedAddr); err != nil {
			return err
		}
		link, err := net.InterfaceByName(linkName)
		if err == nil {
			at = link.HardwareAddr
		}
		return err
	})
	if err == nil && len(at) > 0 { // a veth; a TUN needs no neighbours
		err = g.server.Do(func() error { return probe.Neighbour(farName, craftedAddr, at) })
	}
	if err != nil && c.probe != nil {
		err = errors.Join(err, c.probe.Close())
	}
	return c, err
}

// craft has the client do once what the experiment says.
func (a *attempt) craft(ctx context.Context) error {
	if a.crafted == nil {
		c, err := a.ground.openCrafted()
		if err != nil {
			return err
		}
		a.crafted = c
	}
	for i := range a.exp.Client.Crafted {
		step := &a.exp.Client.Crafted[i]
		got, err := a.crafted.step(ctx, step)
		if got != "" {
			a.seen.answers = append(a.seen.answers, Answer{step.String(), got})
		}
		if err != nil {
			return fmt.Errorf("step %q: %w", step, err)
		}
	}
	return nil
}

// step does one thing, and tells what came back if that was waited for.
func (c *crafted) step(ctx context.Context, s *Craft) (got string, err error) {
	switch s.Verb {
	case "wait":
		return "", pause(ctx, s.Wait)
	case "connect":
		return c.connect(ctx, s)
	}
	switch k := c.conn; s.Verb {
	case "send":
		return "", k.Send(k.Next(segment.PSH|segment.ACK), s.Data)
	case "read":
		return c.read(ctx, s)
	case "await":
		return "", k.Await(ctx, s.Flags)
	case "close":
		return "", k.Close(ctx)
	case "finish":
		return "", k.Finish(ctx)
	}
	return c.inject(ctx, s)
}

// connect opens a connection, on a port that was used before with numbers
// relative to the old one's. If the SYN is refused, those stay as they were.
func (c *crafted) connect(ctx context.Context, s *Craft) (got string, err error) {
	from := s.Port
	if from == 0 {
		from = craftedPort
	}
	if c.conns[from] == nil {
		c.conns[from] = c.probe.Conn(from, c.to)
	}
	c.conn = c.conns[from]
	k := c.conn
	if err := k.Drain(ctx); err != nil {
		return "", err
	}
	seq, ack, ts, echo := k.Seq, k.Ack, k.TSVal, k.TSEcr
	k.Seq, k.Ack, k.TSEcr = segment.Seq(s.Seq.of(uint32(seq))), 0, 0
	k.Timestamps = !s.Plain
	if s.TS.given {
		k.TSVal = s.TS.of(ts) - 1 // Next adds one
	}
	if err := k.Send(k.Next(segment.SYN), nil); err != nil {
		return "", err
	}
	want := s.Gets
	if want == "" {
		want = "SYN+ACK"
	}
	if got, err = c.answer(ctx, want); got != "SYN+ACK" {
		k.Seq, k.Ack, k.TSVal, k.TSEcr = seq, ack, ts, echo
		return got, err
	}
	return got, errors.Join(err, k.Send(k.Next(segment.ACK), nil))
}

// inject sends a segment that is bent, and leaves the numbers alone.
func (c *crafted) inject(ctx context.Context, s *Craft) (string, error) {
	k := c.conn
	if err := k.Drain(ctx); err != nil {
		return "", err
	}
	last := k.TSVal
	seg := k.Next(s.Flags)
	k.TSVal = last
	seg.Seq = segment.Seq(s.Seq.of(uint32(seg.Seq)))
	if s.Flags.Has(segment.ACK) {
		seg.Ack = segment.Seq(s.Ack.of(uint32(seg.Ack)))
	}
	seg.HasTimestamps = seg.HasTimestamps && !s.Plain
	if s.TS.given {
		seg.TSVal = s.TS.of(last)
	}
	if err := k.Inject(seg, s.Data); err != nil || s.Gets == "" {
		return "", err
	}
	return c.answer(ctx, s.Gets)
}

// answer waits for what the latest segment gets, and complains if that is not
// what was wanted.
func (c *crafted) answer(ctx context.Context, want string) (got string, err error) {
	limit := answerTimeout
	if want == "nothing" {
		limit = silence
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	seg, err := c.conn.Receive(wait)
	switch {
	case err == nil:
		got = bare(seg.Flags.String())
	case wait.Err() != nil && ctx.Err() == nil:
		got = "nothing"
	default:
		return "", err
	}
	if got != want {
		return got, fmt.Errorf("it got %s, expected %s", got, want)
	}
	return got, nil
}

// read takes what is in order, and acknowledges it.
func (c *crafted) read(ctx context.Context, s *Craft) (string, error) {
	k := c.conn
	var got []byte
	for len(got) < s.N {
		next := k.Ack
		seg, err := k.Receive(ctx)
		switch {
		case err != nil:
			return string(got), fmt.Errorf("after %d of %d bytes: %w", len(got), s.N, err)
		case seg.Flags.Has(segment.RST):
			return string(got), fmt.Errorf("after %d of %d bytes: %s", len(got), s.N, &seg)
		case seg.Flags.Has(segment.FIN) && seg.Seq == next && len(got)+seg.PayloadLen < s.N:
			return string(got), fmt.Errorf("after %d of %d bytes: %w", len(got)+seg.PayloadLen, s.N, io.ErrUnexpectedEOF)
		case seg.PayloadLen > 0 && seg.Seq == next:
			got = append(got, k.Data...)
		}
		if seg.PayloadLen > 0 {
			if err := k.Send(k.Next(segment.ACK), nil); err != nil {
				return string(got), err
			}
		}
	}
	if s.Text == nil {
		return "", nil
	}
	if !bytes.Equal(got, s.Text) {
		return string(got), fmt.Errorf("it read %s, expected %s", quote(string(got)), quote(string(s.Text)))
	}
	return string(got), nil
}
