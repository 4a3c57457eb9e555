package closepath

import (
	"time"

	"lastack/stack/fastopen"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// A client's part of Fast Open. netstack has the data of the SYN too, and sends them once
// it is connected; the stage swallows what the server already has.
//
//	netstack                 fastOpen                       server
//	SYN       --->           adds cookie and data      --->
//	SYN-ACK   <---           of the SYN alone          <---  SYN-ACK of SYN and data
//	ACK       --->           numbered behind the data  --->
//	data      --->           swallowed
//	          <---  ACK      made up
//
// A server that has not taken the data acknowledges the SYN alone, and nothing is
// swallowed.

// asked is a connection whose SYN asked for a cookie, or brought one and data.
type asked struct {
	iss  segment.Seq
	sent int // bytes of data in the SYN
	// again counts the SYNs that followed, without data or option.
	again int
	// at is when the last SYN left, trip the time until its SYN-ACK came.
	at   tcpip.MonotonicTime
	trip time.Duration
	// taken: the server has the data up to edge. netstack has sent them up to next.
	taken      bool
	edge, next segment.Seq
	// window is what the server offered last, as a segment's field.
	window uint16
	// mss is how much data fits into one segment.
	mss int
}

const (
	// optionSpace is what options may take of a segment (RFC 9293 3.1).
	optionSpace = 40
	// defaultMSS is how much a server whose MSS is not known takes (RFC 9293 3.7.1).
	defaultMSS = 536
	// swallowedAfter: so many SYNs behind the one with data had no answer either.
	swallowedAfter = 2
)

// ask turns netstack's SYN into one with the option, if data wait for it.
func (o *fastOpen) ask(f *tracked, p *packet) verdict {
	data, ok := o.offers.take(f.key)
	pause := o.e.tunables.Seconds(tunable.FastOpenBlackhole)
	if !ok || !o.may(clientBit) || o.hole.Active(o.e.timeWait.now(), pause) {
		return pass
	}
	s, n := p.seg, 0
	known, ok := o.cache.Get(f.key)
	switch {
	case ok:
		s.FastOpen, s.Cookie = known.Form, known.Cookie
		n = room(known.MSS, s.MSS)
	case o.may(clientNoCookieBit):
		n = room(defaultMSS, s.MSS)
	default:
		s.FastOpen = segment.FastOpenOption
	}
	n = min(n, len(data))
	f.opening.asked = &asked{iss: s.Seq, sent: n, at: o.e.clock.NowMonotonic()}
	o.e.report(f, p, Translated, Host, Out)
	o.send(f, &s, data[:n])
	return taken
}

// room is how much data a SYN may carry.
func room(peer, own uint16) int { return max(int(min(peer, own))-optionSpace, 0) }

// granted handles the server's segments on their way to netstack.
func (o *fastOpen) granted(f *tracked, p *packet) verdict {
	a, s := f.opening.asked, &p.seg
	if !s.Flags.Has(segment.ACK) || s.Flags.Has(segment.RST) {
		return pass
	}
	if !a.taken {
		if s.Flags.Has(segment.SYN) {
			o.learn(f, p)
		}
		return pass
	}
	if !s.Flags.Has(segment.SYN) {
		a.window = s.Window
	}
	if a.next.Less(s.Ack) {
		o.lower(f, p, a.next) // more than netstack knows that it has sent
	}
	return pass
}

// learn takes in the SYN-ACK.
func (o *fastOpen) learn(f *tracked, p *packet) {
	a, s := f.opening.asked, &p.seg
	n := s.Ack.Diff(a.iss + 1)
	if n < 0 || n > a.sent {
		return // netstack will refuse it
	}
	if s.FastOpen != segment.NoFastOpen && s.Cookie.Len > 0 {
		o.cache.Learn(f.key, fastopen.Entry{Cookie: s.Cookie, Form: s.FastOpen, MSS: s.MSS})
	}
	f.opening.taken = n
	if n == 0 {
		if a.sent > 0 {
			o.activeFail.Add(1)
		}
		f.opening.asked = nil
		return
	}
	o.active.Add(1)
	o.hole.Clear()
	a.taken, a.next, a.edge = true, a.iss+1, s.Ack
	a.trip = o.e.clock.NowMonotonic().Sub(a.at)
	a.window = scaled(s, s.HasWindowScale)
	if a.mss = int(s.MSS); a.mss == 0 {
		a.mss = defaultMSS
	}
	a.mss -= optionSpace
	o.lower(f, p, a.next)
}

// lower reduces a segment's acknowledgment to what netstack has sent.
func (o *fastOpen) lower(f *tracked, p *packet, ack segment.Seq) {
	b := p.incoming()
	if b == nil {
		return // not possible: the packet is whole
	}
	p.seg.SetAck(b, ack)
	o.e.report(f, p, Translated, Host, In)
}

// follow handles netstack's segments on their way to the server.
func (o *fastOpen) follow(f *tracked, p *packet) verdict {
	a, s := f.opening.asked, &p.seg
	switch {
	case !a.taken:
		if opensFlow(s) {
			o.again(f)
		}
		return pass
	case s.Flags.Has(segment.SYN):
		return pass
	}
	a.next = a.next.Max(s.End())
	if !a.next.Less(a.edge) {
		f.opening.asked = nil // netstack has caught up
	}
	if !s.Seq.Less(a.edge) {
		return pass
	}
	o.e.report(f, p, Translated, Host, Out)
	o.advance(f, a, p)
	return taken
}

// again counts a SYN without data that follows the one with data.
func (o *fastOpen) again(f *tracked) {
	a := f.opening.asked
	a.again, a.at = a.again+1, o.e.clock.NowMonotonic()
	if a.sent > 0 && a.again == swallowedAfter && o.e.tunables.Int(tunable.FastOpenBlackhole) > 0 {
		o.hole.Seen(o.e.timeWait.now())
		o.blackholes.Add(1)
	}
}

// advance sends the part of netstack's segment that the server does not have yet: the
// rest of its data, its FIN, or the bare acknowledgment. A segment without such a part is
// acknowledged in the server's name.
func (o *fastOpen) advance(f *tracked, a *asked, p *packet) {
	s := p.seg
	known := min(a.edge.Diff(s.Seq), s.PayloadLen)
	if known > 0 && known == s.PayloadLen && !s.Flags.Has(segment.FIN) {
		o.credit(f, a, &s)
		return
	}
	b := appendPacket(nil, p.buf)
	rest := b[s.PayloadStart+known : s.PayloadStart+s.PayloadLen]
	flags := s.Flags
	s.Seq = a.edge
	for len(rest) > a.mss { // offload makes segments that are larger
		s.Flags = flags &^ (segment.FIN | segment.PSH)
		o.send(f, &s, rest[:a.mss])
		s.Seq, rest = s.Seq+segment.Seq(a.mss), rest[a.mss:]
	}
	s.Flags = flags
	o.send(f, &s, rest)
}

// credit acknowledges a segment of netstack's in the server's name.
func (o *fastOpen) credit(f *tracked, a *asked, s *segment.Segment) {
	ack := segment.Segment{
		Tuple: s.Reverse(), Version: s.Version, Flags: segment.ACK,
		Seq: f.conn.Next(f.host.Other()), Ack: s.End(), Window: a.window,
	}
	if s.HasTimestamps {
		recent, _ := f.conn.TSRecent(f.host)
		ack.HasTimestamps, ack.TSVal, ack.TSEcr = true, recent, echo(s.TSVal, a.trip)
	}
	o.after(0, func() { o.deliver(&ack, nil) })
}
