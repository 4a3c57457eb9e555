package closepath

import (
	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// tracker feeds the flow tracker with what the host sends and receives, and makes the
// flow table act on it. No stage learns from a segment that TCP refuses: it goes on to
// netstack, which refuses it too, or ends here where netstack would accept it.
type tracker struct {
	e     *Endpoint
	place int // in the chain
}

// challenge is a flow's share of the stage: when it last answered a segment itself.
type challenge struct {
	at  tcpip.MonotonicTime
	any bool
}

func (t *tracker) inbound(f *tracked, p *packet) verdict {
	from := flow.Client
	if f != nil {
		from = f.host.Other()
	}
	if p.refused { // a bad checksum
		p.step = flow.Step{From: from, Marks: flow.Ignored}
		if f != nil {
			p.step.Before = [2]flow.State{f.conn.State(flow.Client), f.conn.State(flow.Server)}
			p.step.After = p.step.Before
		}
		return pass
	}
	if f == nil {
		return pass
	}
	t.update(f, p, from)
	if !p.step.Marks.Any(flow.Challenged | flow.Ignored) {
		return pass
	}
	p.refused = true
	return t.refuse(f, p)
}

// refuse drops a segment that netstack would wrongly accept: one with an old timestamp, a
// very old acknowledgment or, in ESTABLISHED, one of what was never sent, all of which
// are answered (RFC 7323 5.3, RFC 5961 5.2), and one in SYN_SENT that is no SYN. A SYN in
// the middle of a connection is answered here too (RFC 5961 4): netstack would hand it to
// a listener, if the connection ended while it was in netstack's queue. So is a RST in
// SYN_RECEIVED that is not exact (RFC 9293 3.10.7.4, first check), by which netstack, and
// Linux too, would end the handshake. A segment that acknowledges another SYN-ACK than the
// host's, which may not have left yet, is answered with a RST: netstack looks whether it fits a SYN cookie (synRcvdState,
// tcp/connect.go), and then puts the handshake on the numbers of an older connection, whose
// peer repeats its FIN in vain from then on.
func (t *tracker) refuse(f *tracked, p *packet) verdict {
	switch m := p.step.Marks; {
	case t.e.observe:
		return pass
	case p.seg.Flags.Has(segment.RST):
		if !m.Has(flow.Challenged) || f.conn.State(f.host) != flow.SynReceived {
			return pass
		}
		if t.mayChallenge(f) {
			t.e.acknowledge(f)
		}
	case m.Has(flow.Challenged | flow.Outdated), t.acksUnsent(f, &p.seg), p.seg.Flags.Has(segment.SYN) && m.Has(flow.Challenged):
		if t.mayChallenge(f) {
			t.e.acknowledge(f)
		}
	case m.Has(flow.Ignored) && f.conn.State(f.host) == flow.SynSent && p.seg.Ack.LessEq(f.conn.Next(f.host)):
		// It overtook the SYN-ACK (RFC 9293 3.10.7.3, fifth check). With data in the SYN,
		// of which netstack knows nothing, that would answer with a RST.
	case m.Has(flow.Ignored) && t.opening(f) && p.seg.Flags.Has(segment.ACK):
		t.e.admit.reset(f, &p.seg)
	case f.admitted.cookie:
		// The handshake is complete, but netstack may have no endpoint yet to judge the
		// segment, and its listener takes more for a cookie than it should.
		if m.Has(flow.Challenged) && t.mayChallenge(f) {
			t.e.acknowledge(f)
		}
	default:
		return pass
	}
	t.e.report(f, p, Dropped, Host, In)
	return taken
}

// opening reports whether the host has received a SYN, and its SYN-ACK is not acknowledged.
func (t *tracker) opening(f *tracked) bool {
	s := f.conn.State(f.host)
	return s == flow.Listen || s == flow.SynReceived
}

// acksUnsent reports whether a segment in ESTABLISHED acknowledges what the host has not
// sent. netstack checks that in other states alone.
func (t *tracker) acksUnsent(f *tracked, s *segment.Segment) bool {
	return f.conn.State(f.host) == flow.Established && s.Flags.Has(segment.ACK) && f.conn.Next(f.host).Less(s.Ack)
}

// mayChallenge applies net.ipv4.tcp_invalid_ratelimit.
func (t *tracker) mayChallenge(f *tracked) bool {
	now := t.e.clock.NowMonotonic()
	if f.challenge.any && now.Sub(f.challenge.at) < t.e.tunables.Millis(tunable.InvalidRatelimit) {
		return false
	}
	f.challenge = challenge{at: now, any: true}
	return true
}

func (t *tracker) outbound(f *tracked, p *packet) verdict {
	if f != nil {
		t.update(f, p, f.host)
	}
	return pass
}

func (t *tracker) update(f *tracked, p *packet, from flow.Side) {
	p.step = f.conn.Update(from, &p.seg)
	t.e.flows.advanced(f, p)
}

// acknowledge sends the host's latest acknowledgment once more, in netstack's place; a
// held one stays held. Before the first, of the peer's SYN-ACK, there is none: netstack is
// about to send that. f.mu is held; the caller drains the flow's queue.
func (e *Endpoint) acknowledge(f *tracked) {
	if _, any := f.conn.LastAck(f.host); !any && !f.admitted.known {
		return
	}
	s := e.own(f, segment.ACK, f.conn.Next(f.host))
	e.emit(f, &s, nil, e.delayed.place)
}

// own is a segment without data that the close path makes, with the acknowledgment,
// window and timestamps that are due.
func (e *Endpoint) own(f *tracked, flags segment.Flags, seq segment.Seq) segment.Segment {
	s := segment.Segment{
		Tuple: f.key, Version: version(f.key), Flags: flags,
		Seq: seq, Ack: f.admitted.ack, Window: f.conn.LastWindow(f.host),
	}
	if !f.admitted.known {
		s.Ack, _ = f.conn.LastAck(f.host)
	}
	if recent, any := f.conn.TSRecent(f.host); any && f.stamped {
		s.HasTimestamps, s.TSEcr = true, recent
		s.TSVal = f.stamp(e.timeWait.now())
	}
	return s
}

func version(t segment.Tuple) uint8 {
	if t.Src.Is4() {
		return 4
	}
	return 6
}
