package closepath

import (
	"slices"
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
// netstack's loss recovery goes on from there. A peer without SACK, as netstack itself is in
// FIN_WAIT_2, cannot report it. So from the second time on it is the first segment that is not
// acknowledged (RFC 6298 5.4), if it is known.
type tail struct {
	buf *netstack.PacketBuffer // with a reference of ours; nil if there is none
	seg segment.Segment
	// others were sent lately, the oldest first, and are not acknowledged.
	others []other
	// probes counts those since SND.UNA moved.
	probes int
	// moves counts segments with data or a FIN that netstack sent, and seen is what it was
	// when the timer looked last.
	moves, seen uint32
	// una is SND.UNA when the timer looked last, since when it is that, and wait how long
	// until the next look.
	una   segment.Seq
	since tcpip.MonotonicTime
	wait  time.Duration
}

// other is a segment with data in front of the tail, with a reference of ours.
type other struct {
	buf      *netstack.PacketBuffer
	seq      segment.Seq
	start, n int // the data in the packet
}

// maxOthers is the initial window and some that went again: what recovery has sent in vain
// was sent lately.
const maxOthers = 16

// sent takes in a segment of netstack's.
func (t *tail) sent(p *packet) {
	t.moves++
	switch {
	case p.seg.PayloadLen == 0:
	case t.buf == nil:
		t.buf, t.seg = p.buf.IncRef(), p.seg
	case p.seg.End().LessEq(t.seg.End()):
		t.keep(p.buf.IncRef(), &p.seg)
	default:
		t.keep(t.buf, &t.seg)
		t.buf, t.seg = p.buf.IncRef(), p.seg
	}
}

// keep keeps a segment with its reference among the others, in place of the oldest.
func (t *tail) keep(buf *netstack.PacketBuffer, s *segment.Segment) {
	if len(t.others) == maxOthers {
		t.others[0].buf.DecRef()
		t.others = slices.Delete(t.others, 0, 1)
	}
	t.others = append(t.others, other{buf, s.Seq, s.PayloadStart, s.PayloadLen})
}

func (o *other) end() segment.Seq { return o.seq + segment.Seq(o.n) }

// first is the one of the others that begins what is not acknowledged; nil if it is not
// known, or is the tail itself.
func (t *tail) first(una segment.Seq) *other {
	for i := range t.others {
		if o := &t.others[i]; o.seq.LessEq(una) && una.Less(o.end()) {
			return o
		}
	}
	return nil
}

// acked takes in SND.UNA.
func (t *tail) acked(una segment.Seq) {
	if t.buf != nil && t.seg.End().LessEq(una) {
		t.release()
		return
	}
	t.others = slices.DeleteFunc(t.others, func(o other) bool {
		had := o.end().LessEq(una)
		if had {
			o.buf.DecRef()
		}
		return had
	})
}

func (t *tail) release() {
	if t.buf != nil {
		t.buf.DecRef()
		t.buf = nil
	}
	for _, o := range t.others {
		o.buf.DecRef()
	}
	t.others = nil
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
		t.una, t.since, t.wait, t.probes = una, now, rto, 0
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
	if t.probes++; t.probes == 1 || !s.repeat(f, una) {
		s.probe(f)
	}
	_ = s.e.drain(f) // a failed write is a lost segment, which the next copy makes up for
}

// repeat sends the first segment that is not acknowledged once more, and reports whether it is
// known. f.mu is held; the caller drains the flow's queue.
func (s *finish) repeat(f *tracked, una segment.Seq) bool {
	o := f.finishing.tail.first(una)
	if o == nil {
		return false
	}
	// The beginning of a large segment, which offload makes, is enough.
	from := o.start + una.Diff(o.seq)
	n := min(o.start+o.n-from, f.conn.FullSegment(f.host))
	s.dataAgain(f, o.buf, from, from+n, una, 0)
	return true
}

// dataAgain sends data of a packet once more, with PSH and ACK. f.mu is held; the caller drains
// the flow's queue.
func (s *finish) dataAgain(f *tracked, buf *netstack.PacketBuffer, from, to int, seq segment.Seq, fin segment.Flags) {
	f.finishing.rtt.repeated(seq)
	own := s.e.own(f, fin|segment.PSH|segment.ACK, seq)
	s.e.emit(f, &own, appendPacket(nil, buf)[from:to], s.place)
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
	end := t.seg.PayloadStart + t.seg.PayloadLen
	s.dataAgain(f, t.buf, end-n, end, dataEnd-segment.Seq(n), t.seg.Flags&segment.FIN)
}
