package closepath

import (
	"lastack/stack/segment"
)

// This file is about what admit does for netstack's SYN cookies (RFC 4987 3.6). Where a
// listener's queue of handshakes is full, netstack answers a SYN without making an endpoint,
// and makes one when the listener processes an ACK whose numbers fit the cookie. Three
// things go wrong:
//
//   - A segment that comes before there is an endpoint and is not numbered as the first one,
//     because that was lost or is not processed yet, is answered with a RST.
//   - A segment with data that reaches the listener is counted against the listener's receive
//     buffer and never taken off again (tcp/segment.go, setOwner). Once the sum exceeds the
//     buffer, the listener drops all segments with data, in silence and for ever.
//   - The cookie stands in the difference of SEG.ACK and SEG.SEQ. When both sides have sent
//     equally many bytes, as in an echo, the last ACK fits as well as the first one did: a
//     second copy of it, behind the close, opens a connection that no peer knows of and that
//     no segment ends.
//
// So a listener gets bare ACKs alone: what comes with data or a FIN before there is an
// endpoint is delivered when there is one, and a segment that fits no flow is answered with
// the RST that is due.

// cookieEpochs is for how many sweeps a handshake without an endpoint is remembered: as
// long as netstack takes its cookies.
const cookieEpochs = uint32(4)

// early handles a segment with data or a FIN of a connection that netstack may have no
// endpoint for. A Config without Registered leaves it to netstack.
func (a *admit) early(f *tracked, p *packet) verdict {
	h := &f.admitted
	if a.e.registered == nil || p.seg.Len() == 0 {
		return pass
	}
	if p.seg.Seq == h.ack {
		a.bareCopy(f, p) // of which netstack makes the endpoint
	}
	a.e.keepBack(p.seg, p.buf, func() bool { return a.made(f) }, a.place)
	return taken
}

// made reports whether netstack has an endpoint for a flow, or the flow is gone.
func (a *admit) made(f *tracked) bool {
	if f.gone.Load() {
		return true
	}
	if !a.e.registered(f.key) {
		return false
	}
	f.mu.Lock()
	f.admitted.cookie = false
	f.mu.Unlock()
	return true
}

// stray answers an acknowledgment that belongs to no flow and would reach a listener with a
// RST that has SEG.ACK as its number (RFC 9293 3.10.7.2, second check).
func (a *admit) stray(s *segment.Segment) verdict {
	e := a.e
	if e.registered == nil || e.listening == nil ||
		!s.Flags.Has(segment.ACK) || s.Flags.Any(segment.SYN|segment.RST) {
		return pass
	}
	key := s.Tuple.Reverse()
	if !e.listening(s.Dst) || e.timeWait.has(key) || e.flows.misses(key) {
		return pass // nobody takes it for a cookie, or it may be of a connection that goes on
	}
	switch there := e.registered(key); {
	case there && (s.PureACK() || e.alive != nil && e.alive(key)):
		// It is for an endpoint that has all, and is about to leave. What comes too late
		// for it netstack hands to the listener.
		return taken
	case there:
		return pass // to netstack's own TIME_WAIT
	}
	rst := segment.Segment{Tuple: key, Version: s.Version, Flags: segment.RST, Seq: s.Ack}
	e.emit(nil, &rst, nil, a.place)
	return taken
}
