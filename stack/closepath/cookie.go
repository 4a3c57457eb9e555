package closepath

import (
	"sync"
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
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
// So a listener gets bare ACKs alone: admit delivers a segment with data or a FIN only
// once netstack has the endpoint, and answers a segment that fits no flow with the RST
// that is due. A Host also refuses a connection that netstack made of a segment that
// slipped past these rules: see Endpoint.Follows.

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

// strayed reports whether a segment that has an acknowledgment and belongs to no flow could
// reach a listener.
func (a *admit) strayed(s *segment.Segment) bool {
	e := a.e
	if e.registered == nil || e.listening == nil || !s.Flags.Has(segment.ACK) || s.Flags.Any(segment.SYN|segment.RST) {
		return false
	}
	key := s.Tuple.Reverse()
	// It may be of a connection that is in TIME_WAIT or not followed.
	return e.listening(s.Dst) && !e.timeWait.has(key) && !e.flows.misses(key)
}

// stray answers a segment that has strayed with a RST that has SEG.ACK as its number (RFC
// 9293 3.10.7.2, second check).
func (a *admit) stray(p *packet) verdict {
	e, s := a.e, &p.seg
	if p.refused || !a.strayed(s) {
		return pass
	}
	key := s.Tuple.Reverse()
	if e.registered(key) && !e.flows.closed.has(key, e.clock.NowMonotonic()) {
		return pass // to netstack's own TIME_WAIT, or to a connection that is not followed
	}
	// If there is an endpoint, it has all and is about to leave. netstack would hand a
	// segment that comes too late for it to the listener.
	e.report(nil, p, Dropped, Host, In)
	a.reset(nil, s)
	return taken
}

// reset answers an acknowledgment of what was never sent, or of no connection (f is nil).
func (a *admit) reset(f *tracked, s *segment.Segment) {
	rst := segment.Segment{Tuple: s.Tuple.Reverse(), Version: s.Version, Flags: segment.RST, Seq: s.Ack}
	a.e.emit(f, &rst, nil, a.place)
}

// overtaken reports whether the connection of a segment has ended since the chain let it
// pass: another goroutine delivers what a stage had kept.
func (a *admit) overtaken(s *segment.Segment) bool {
	key := s.Tuple.Reverse()
	return a.e.flows.lookup(key) == nil && a.strayed(s) && !a.e.registered(key)
}

// closed are the connections whose last ACK the host has just received and netstack may
// not have processed. When there are many, it forgets some early, and netstack answers
// for those.
type closed struct {
	mu   sync.Mutex
	last [1024]struct {
		key segment.Tuple
		at  tcpip.MonotonicTime
		any bool
	}
}

// closedFor is how long netstack may take to process a segment.
const closedFor = time.Second

// closedIndex is a connection's place in the tables of those that have just ended.
func closedIndex(key segment.Tuple) int {
	return int(key.Dst.Port^key.Src.Port<<5^uint16(key.Dst.Addr[15])<<3) % len(closed{}.last)
}

func (c *closed) add(key segment.Tuple, now tcpip.MonotonicTime) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &c.last[closedIndex(key)]
	e.key, e.at, e.any = key, now, true
}

func (c *closed) has(key segment.Tuple, now tcpip.MonotonicTime) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &c.last[closedIndex(key)]
	return e.any && e.key == key && now.Sub(e.at) < closedFor
}
