package probe

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"lastack/stack/segment"
)

// Conn is the probe's side of one 4-tuple. It keeps the numbers that a sound
// peer would use next; Next makes a segment of them, to be sent as it is or bent
// first. It is for one goroutine at a time.
type Conn struct {
	// Seq and Ack are what the next sound segment carries: the probe's SND.NXT
	// and RCV.NXT.
	Seq, Ack segment.Seq
	// Timestamps has segments carry the option (RFC 7323 3); TSVal is the
	// probe's clock, which Next moves on by one, TSEcr the latest heard.
	Timestamps   bool
	TSVal, TSEcr uint32
	// Latest is the last segment received, Data what it brought.
	Latest segment.Segment
	Data   []byte

	probe *Probe
	tuple segment.Tuple
	in    chan heard
}

// heard is a segment of the subject's, with its data.
type heard struct {
	seg  segment.Segment
	data []byte
}

// heardLimit is how many segments may wait for Receive; a subject that answers a
// handful never reaches it.
const heardLimit = 256

// Conn opens the probe's ears for a 4-tuple. Nothing is sent yet.
func (p *Probe) Conn(port uint16, to netip.AddrPort) *Conn {
	c := &Conn{
		Seq: 1_000_000, Timestamps: true, TSVal: 50_000,
		probe: p, in: make(chan heard, heardLimit),
		tuple: segment.Tuple{
			Src: segment.EndpointFrom(netip.AddrPortFrom(p.addr, port)), Dst: segment.EndpointFrom(to),
		},
	}
	p.mu.Lock()
	p.conns[c.tuple.Reverse()] = c
	p.mu.Unlock()
	return c
}

// Tuple has the probe as Src.
func (c *Conn) Tuple() segment.Tuple { return c.tuple }

func (c *Conn) take(h heard) {
	select {
	case c.in <- h:
	default: // Receive would be hopelessly behind
	}
}

// Next is the next sound segment with these flags and the numbers as they stand.
func (c *Conn) Next(flags segment.Flags) segment.Segment {
	s := segment.Segment{Tuple: c.tuple, Version: 4, Flags: flags, Seq: c.Seq, Window: 65535}
	if c.probe.addr.Is6() {
		s.Version = 6
	}
	if flags.Has(segment.ACK) {
		s.Ack = c.Ack
	}
	if flags.Has(segment.SYN) {
		s.MSS = 1400
	}
	if c.Timestamps {
		c.TSVal++
		s.HasTimestamps, s.TSVal, s.TSEcr = true, c.TSVal, c.TSEcr
	}
	return s
}

// Inject sends a segment and leaves the numbers alone.
func (c *Conn) Inject(s segment.Segment, payload []byte) error { return c.probe.send(&s, payload) }

// Send sends a segment and moves Seq behind it.
func (c *Conn) Send(s segment.Segment, payload []byte) error {
	s.PayloadLen = len(payload)
	if err := c.probe.send(&s, payload); err != nil {
		return err
	}
	c.Seq = s.End()
	return nil
}

// Receive waits for the subject's next segment, and takes Ack and TSEcr from it.
// When ctx ends first, the error is the context's.
func (c *Conn) Receive(ctx context.Context) (segment.Segment, error) {
	select {
	case h := <-c.in:
		s := h.seg
		c.Latest, c.Data = s, h.data
		if end := s.End(); s.Len() > 0 && c.Ack.Less(end) || s.Flags.Has(segment.SYN) {
			c.Ack = end
		}
		if s.HasTimestamps {
			c.TSEcr = s.TSVal
		}
		return s, nil
	case <-c.probe.ended:
		return segment.Segment{}, c.probe.failed()
	case <-ctx.Done():
		return segment.Segment{}, fmt.Errorf("probe: wait for a segment of %s: %w", c.tuple.Dst, context.Cause(ctx))
	}
}

// Drain receives what has come by now and was not received.
func (c *Conn) Drain(ctx context.Context) error {
	for len(c.in) > 0 {
		if _, err := c.Receive(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Quiet waits until the subject has sent nothing for so long, and returns what it
// sent meanwhile.
func (c *Conn) Quiet(ctx context.Context, d time.Duration) ([]segment.Segment, error) {
	var got []segment.Segment
	for {
		wait, cancel := context.WithTimeout(ctx, d)
		s, err := c.Receive(wait)
		over := wait.Err() != nil
		cancel()
		switch {
		case err == nil:
			got = append(got, s)
		case ctx.Err() != nil || !over:
			return got, err
		default:
			return got, nil
		}
	}
}

// Connect does the handshake.
func (c *Conn) Connect(ctx context.Context) error {
	if err := c.Send(c.Next(segment.SYN), nil); err != nil {
		return err
	}
	if _, err := c.await(ctx, segment.SYN|segment.ACK); err != nil {
		return err
	}
	return c.Send(c.Next(segment.ACK), nil)
}

// Finish answers a subject that closes first: it waits for the FIN, sends its own
// and waits for the last ACK. The subject is in TIME_WAIT then.
func (c *Conn) Finish(ctx context.Context) error {
	if _, err := c.await(ctx, segment.FIN|segment.ACK); err != nil {
		return err
	}
	if err := c.Send(c.Next(segment.FIN|segment.ACK), nil); err != nil {
		return err
	}
	for {
		s, err := c.await(ctx, segment.ACK)
		if err != nil || s.Ack == c.Seq {
			return err
		}
	}
}

// Close closes first: it sends the FIN, waits for the subject's and acknowledges
// that.
func (c *Conn) Close(ctx context.Context) error {
	if err := c.Send(c.Next(segment.FIN|segment.ACK), nil); err != nil {
		return err
	}
	if _, err := c.await(ctx, segment.FIN|segment.ACK); err != nil {
		return err
	}
	return c.Send(c.Next(segment.ACK), nil)
}

// Await receives until a segment has all of the flags, and acknowledges nothing.
func (c *Conn) Await(ctx context.Context, flags segment.Flags) error {
	_, err := c.await(ctx, flags)
	return err
}

// await receives until a segment has all of the flags; a RST is an error unless
// it is wanted.
func (c *Conn) await(ctx context.Context, flags segment.Flags) (segment.Segment, error) {
	for {
		s, err := c.Receive(ctx)
		switch {
		case err != nil:
			return s, fmt.Errorf("waiting for %s: %w", flags, err)
		case s.Flags.Has(flags):
			return s, nil
		case s.Flags.Has(segment.RST):
			return s, fmt.Errorf("probe: %s while waiting for %s", s.String(), flags)
		}
	}
}
