package closepath

import (
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// tail is the last data that the host has sent and the peer has not acknowledged, with
// the signs that netstack still looks after them.
//
// Where netstack sends nothing for longer than its timeout, and the peer acknowledges
// nothing, the stage sends the last segment once more, as a tail loss probe does (RFC
// 8985 7): the peer then either has everything, or reports what is missing, and
// netstack's loss recovery goes on from there.
type tail struct {
	buf *netstack.PacketBuffer // with a reference of ours; nil if there is none
	seg segment.Segment
	// moves counts segments with data or a FIN that netstack sent, and seen is what it was
	// when the timer looked last.
	moves, seen uint32
	// una is SND.UNA when the timer looked last, since when it is that, and wait how long
	// until the next look.
	una   segment.Seq
	since tcpip.MonotonicTime
	wait  time.Duration
}

// sent takes in a segment of netstack's.
func (t *tail) sent(p *packet) {
	t.moves++
	if p.seg.PayloadLen == 0 || t.buf != nil && p.seg.End().LessEq(t.seg.End()) {
		return
	}
	t.release()
	t.buf, t.seg = p.buf.IncRef(), p.seg
}

// acked takes in SND.UNA.
func (t *tail) acked(una segment.Seq) {
	if t.buf != nil && t.seg.End().LessEq(una) {
		t.release()
	}
}

func (t *tail) release() {
	if t.buf != nil {
		t.buf.DecRef()
		t.buf = nil
	}
}

// look says whether netstack has been silent since the last look, without progress of the
// peer's. The first look comes half a timeout after progress, the second a whole one
// later, and each further one after twice as long: netstack's own retransmissions fall
// between.
func (t *tail) look(una segment.Seq, rto time.Duration, now tcpip.MonotonicTime) (silent bool) {
	moved := t.moves != t.seen
	t.seen = t.moves
	switch {
	case t.wait == 0 || una != t.una:
		t.una, t.since, t.wait = una, now, rto
		return false
	case t.wait == rto:
		t.wait = 2 * rto
	default:
		t.wait = min(2*t.wait, maxRTO)
	}
	return !moved
}

// watchTail watches data that the peer has not acknowledged, or that netstack has no
// window to send: netstack retransmits them, but once the application has closed, not for
// ever. f.mu is held and will be released.
func (s *finish) watchTail(f *tracked, now tcpip.MonotonicTime) {
	h := &f.finishing
	t := &h.tail
	una := f.conn.Una(f.host)
	t.acked(una)
	silent := t.look(una, h.rtt.timeout(), now)
	left := s.limit(f) - now.Sub(t.since)
	switch {
	case left > 0:
		s.again(f, min(t.wait, left))
	case s.closed(f):
		s.giveUp(f)
		return
	default: // netstack's application decides, or its zero window probes
		h.on, silent = false, false
	}
	if !silent || t.buf == nil {
		f.mu.Unlock()
		return
	}
	s.probe(f)
	_ = s.e.drain(f) // a failed write is a lost segment, which the next copy makes up for
}

// probe sends the tail once more, if there is one. f.mu is held; the caller drains the flow's
// queue.
func (s *finish) probe(f *tracked) {
	t := &f.finishing.tail
	if t.buf == nil {
		return
	}
	// The end of a large segment, which offload makes, is enough.
	dataEnd := t.seg.Seq + segment.Seq(t.seg.PayloadLen)
	n := min(t.seg.PayloadLen, f.conn.FullSegment(f.host), dataEnd.Diff(f.conn.Una(f.host)))
	if n <= 0 {
		return // only the FIN that went with them is missing
	}
	if t.seg.Flags.Has(segment.FIN) {
		f.finishing.copied(s.e.clock.NowMonotonic())
	}
	whole := appendPacket(nil, t.buf)
	end := t.seg.PayloadStart + t.seg.PayloadLen
	own := s.e.own(f, t.seg.Flags&segment.FIN|segment.PSH|segment.ACK, dataEnd-segment.Seq(n))
	s.e.emit(f, &own, whole[end-n:end], s.place)
}
