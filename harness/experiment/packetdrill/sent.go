package packetdrill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/script"
)

// sent is a packet of the subject's. Exactly one of tcp, icmp and err is set.
type sent struct {
	Packet
	index int // in Outcome.Exchange
	conn  *conn
	// before is what names of numbers stand for in the event that expects the packet.
	before seen
	tcp    *packet.TCP
	icmp   *packet.ICMP
	err    error
}

// text is the packet as a script would have it.
func (s *sent) text() string {
	switch {
	case s.tcp != nil:
		return s.conn.format(s.tcp, true)
	case s.icmp != nil:
		return fmt.Sprintf("icmp type %d code %d", s.icmp.Type, s.icmp.Code)
	}
	return s.err.Error()
}

// packet is the next packet of the subject's that no event has had.
func (r *run) packet(ctx context.Context, until time.Duration) (*sent, error) {
	if len(r.queue) == 0 {
		if err := r.take(ctx, until); err != nil {
			return nil, err
		}
	}
	first := r.queue[0]
	r.queue = r.queue[1:]
	return first, nil
}

// take moves one packet from the subject to the queue, and into the record.
func (r *run) take(ctx context.Context, until time.Duration) error {
	if len(r.out.Exchange) >= maxExchange {
		return fmt.Errorf("more than %d packets", maxExchange)
	}
	p, err := r.subject.Packet(ctx, until)
	if err != nil {
		return err
	}
	s := &sent{Packet: p, index: len(r.out.Exchange)}
	if s.tcp, s.icmp, s.err = packet.Parse(p.Data); s.err != nil {
		s.tcp, s.icmp = nil, nil
	}
	if s.tcp != nil {
		s.conn = r.belongs(s.tcp)
		s.before = s.conn.seen
		s.conn.sent(s.tcp)
	}
	r.record(Exchanged{At: p.At - r.base, Sent: true, Data: p.Data, sent: s})
	r.queue = append(r.queue, s)
	return nil
}

// drain takes what the subject has sent by now.
func (r *run) drain(ctx context.Context) error {
	for {
		switch err := r.take(ctx, r.subject.Now()); {
		case errors.Is(err, ErrQuiet):
			return nil
		case err != nil:
			return err
		}
	}
}

// belongs finds the connection of a segment of the subject's, and learns from it the port
// that the subject chose.
func (r *run) belongs(t *packet.TCP) *conn {
	c := r.cur
	// A SYN of a socket that has no port yet may come from one that an older connection had.
	fresh := c != nil && c.local.Port() == 0 && t.Flags&(syn|ack) == syn && t.DstPort == c.remote.Port()
	for _, known := range r.conns {
		if known.matches(t) && !known.listening && !fresh {
			c = known
		}
	}
	if c == nil {
		c = &conn{fd: -1}
		r.cur = c
	}
	if r.cur.opensAgain(c, t) {
		c = r.cur
	}
	if c.local.Port() == 0 && t.DstPort == c.remote.Port() {
		c.local = addrPort(t.Src, t.SrcPort)
	}
	return c
}

// opensAgain reports whether a segment is the first SYN of c, a socket that the subject
// chooses a port for, and not one of old, which had that port before.
func (c *conn) opensAgain(old *conn, t *packet.TCP) bool {
	fresh := c != old && !c.listening && c.local.Port() == 0 && c.remote.Port() == t.DstPort
	return fresh && t.Flags&(syn|ack) == syn && old.hasOwn && t.Seq != old.own
}

// learnOwn takes the subject's initial sequence number from its SYN, which stands for
// what the script has there.
func (c *conn) learnOwn(t *packet.TCP, p *script.Packet) {
	if t.Flags&syn == 0 || c.hasOwn {
		return
	}
	c.own, c.hasOwn = t.Seq, true
	if p != nil && p.TCP != nil && p.TCP.Seq.Start.Name == "" && !p.TCP.Seq.Absolute {
		c.ownScript = p.TCP.Seq.Start.Value
	}
}

func (r *run) record(x Exchanged) {
	if len(r.out.Exchange) < maxExchange {
		r.out.Exchange = append(r.out.Exchange, x)
	}
}

// finish records what the subject has sent and no event asked for, and writes down the
// subject's packets, now that their connections' numbers are known.
func (r *run) finish(ctx context.Context) {
	_ = r.drain(ctx)
	for i := range r.out.Exchange {
		x := &r.out.Exchange[i]
		if x.sent == nil {
			continue
		}
		if x.sent.tcp != nil {
			x.sent.conn.learnOwn(x.sent.tcp, nil)
		}
		x.Text, x.sent = x.sent.text(), nil
	}
}
