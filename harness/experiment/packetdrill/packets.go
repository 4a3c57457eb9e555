package packetdrill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lastack/harness/experiment/packetdrill/script"
)

// inject sends a packet of the script's to the subject.
func (r *run) inject(ctx context.Context, e *script.Event, p *script.Packet) error {
	c := r.connOf(p)
	if c == nil {
		return unsupported(e.Pos, "there is no socket that the packet could be for; make one with socket()")
	}
	b, t, err := r.inbound(p, c)
	if err != nil {
		return err
	}
	// What the subject has sent by now was sent before.
	if err := r.drain(ctx); err != nil {
		return r.broke(e.Pos, err)
	}
	if t != nil {
		c.received(t)
	}
	r.record(Exchanged{At: r.now(), Data: b, Line: e.Pos.Line, Text: e.Text})
	if err := r.subject.Inject(b); err != nil {
		return r.broke(e.Pos, err)
	}
	return nil
}

// connOf is the connection that a packet is injected into. A SYN to a listener begins one.
func (r *run) connOf(p *script.Packet) *conn {
	c := r.cur
	if p.Ports != nil {
		for _, known := range r.conns {
			if !known.listening && known.remote.Port() == p.Ports.Src && known.local.Port() == p.Ports.Dst {
				r.cur = known
				return known
			}
		}
		for _, known := range r.conns {
			if known.listening && known.local.Port() == p.Ports.Dst {
				c = known
			}
		}
	}
	if c == nil || !c.listening {
		return c
	}
	local, remote := r.ends()
	made := &conn{fd: -1, local: addrPort(local, c.local.Port()), remote: addrPort(remote, r.ports.next)}
	r.ports.next++
	if p.Ports != nil {
		made.remote = addrPort(remote, p.Ports.Src)
	}
	if t := p.TCP; t == nil || t.Flags.Bits&script.SYN == 0 {
		return made // a stray
	}
	r.conns = append(r.conns, made)
	r.cur = made
	return made
}

// expect waits for the packet that the subject must send, or for those that are as much.
func (r *run) expect(ctx context.Context, e *script.Event, p *script.Packet, w window) error {
	r.partial = 0
	for {
		before := r.partial
		if err := r.expectOne(ctx, e, p, w); err != nil || r.partial == before {
			return err
		}
	}
}

// expectOne waits for one packet. If it is only a part of what the script says, that is
// added to r.partial.
func (r *run) expectOne(ctx context.Context, e *script.Event, p *script.Packet, w window) error {
	tolerance := r.slack(w.from)
	if e.Time.Kind == script.AnyTime {
		tolerance = 0
	}
	got, err := r.packet(ctx, r.base+w.to+tolerance)
	if errors.Is(err, ErrQuiet) {
		return r.missing(ctx, e, w, tolerance)
	}
	if err != nil {
		return r.broke(e.Pos, err)
	}
	if got.conn != nil && got.conn != r.cur && p.Ports == nil {
		r.note("passed over packets of connections that were not the latest")
		return r.expectOne(ctx, e, p, w)
	}
	r.out.Exchange[got.index].Line = e.Pos.Line
	fail, err := r.compare(e, p, got)
	if err != nil {
		return err
	}
	if fail == nil {
		fail = r.timely(e, got, w, tolerance)
	}
	if fail != nil {
		return fail
	}
	r.prev, r.began = w.from, got.At-r.base
	if e.Time.Kind != script.Absolute && e.Time.Kind != script.Relative {
		r.prev = r.now() // the packet may have come before
	}
	return nil
}

// compare holds a packet of the subject's against the script's.
func (r *run) compare(e *script.Event, p *script.Packet, got *sent) (*Failure, error) {
	if got.err != nil {
		return nil, fmt.Errorf("%s: a packet of the subject's: %w", e.Pos, got.err)
	}
	if got.icmp != nil {
		return r.compareICMP(e, p, got), nil
	}
	c, t := got.conn, got.tcp
	c.learnOwn(t, p)
	fail := &Failure{Pos: e.Pos, Expected: e.Text, Got: "> " + got.text()}
	switch {
	case len(p.Outer) > 0 || p.Encap != nil || p.UDP != nil || p.PSP != nil:
		return nil, unsupported(p.Pos, "only TCP and ICMP, without tunnels, can be expected")
	case p.TCP == nil:
		fail.Why = "expected ICMP, got a TCP segment"
		return fail, nil
	case !t.Checksum:
		fail.Why = "the TCP checksum is wrong"
		return fail, nil
	case c != r.cur:
		fail.Why = fmt.Sprintf("a segment of another connection, from port %d to %s", t.SrcPort, addrPort(t.Dst, t.DstPort))
		return fail, nil
	}
	now := c.seen
	c.seen = got.before
	d, err := r.match(p, c, t)
	c.seen = now
	if d == nil || err != nil {
		if n := len(t.Payload); n > 0 && r.partial+n < int(p.TCP.Seq.Length) {
			r.partial += n
		}
		return nil, err
	}
	fail.Why = d.String()
	return fail, nil
}

func (r *run) compareICMP(e *script.Event, p *script.Packet, got *sent) *Failure {
	fail, m := &Failure{Pos: e.Pos, Expected: e.Text, Got: "> " + got.text()}, got.icmp
	switch {
	case p.ICMP == nil:
		fail.Why = "expected a TCP segment, got ICMP"
	case p.ICMP.TypeNumber != m.Type || p.ICMP.CodeNumber != m.Code:
		fail.Why = differs("type and code", fmt.Sprint(p.ICMP.TypeNumber, p.ICMP.CodeNumber), fmt.Sprint(m.Type, m.Code)).String()
	default:
		return nil
	}
	return fail
}

// missing is what is wrong where no packet came in time: it may come later.
func (r *run) missing(ctx context.Context, e *script.Event, w window, tolerance time.Duration) error {
	fail := &Failure{Pos: e.Pos, Expected: e.Text, Why: fmt.Sprintf("no packet came by %s", seconds(w.to+tolerance))}
	got, err := r.packet(ctx, r.base+w.to+tolerance+late)
	switch {
	case err == nil:
		at := got.At - r.base
		fail.Why += fmt.Sprintf("; the next came at %s, %s later", seconds(at), seconds(at-w.to))
		fail.Got = "> " + got.text()
	case !errors.Is(err, ErrQuiet):
		return r.broke(e.Pos, err)
	default:
		fail.Why += fmt.Sprintf(", nor within %v more", late)
	}
	return fail
}

// timely checks a packet's time.
func (r *run) timely(e *script.Event, got *sent, w window, tolerance time.Duration) *Failure {
	at := got.At - r.base
	if e.Time.Kind == script.AnyTime || at >= w.from-tolerance-r.leeway && at <= w.to+tolerance {
		return nil
	}
	want := seconds(w.from)
	if w.to != w.from {
		want += " to " + seconds(w.to)
	}
	why := fmt.Sprintf("time: expected at %s, got at %s (%s too early; tolerance %v)", want, seconds(at), seconds(w.from-at), tolerance)
	if at > w.to {
		why = fmt.Sprintf("time: expected at %s, got at %s (%s too late; tolerance %v)", want, seconds(at), seconds(at-w.to), tolerance)
	}
	return &Failure{Pos: e.Pos, Why: why, Expected: e.Text, Got: "> " + got.text()}
}

// seconds writes a time as scripts have it.
func seconds(d time.Duration) string { return fmt.Sprintf("%.6f s", d.Seconds()) }
