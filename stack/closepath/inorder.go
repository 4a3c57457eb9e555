package closepath

import (
	"lastack/stack/segment"
)

// inOrder keeps what has no data and arrives before its turn until its turn comes
// (RFC 9293 3.10.7.4: segments that begin beyond RCV.NXT should be held for later).
// netstack does that for data alone. It forgets a bare FIN that overtakes the data
// in front of it, so that the close waits for the peer to send it again; and once
// the application has closed, it answers the ACK that overtakes its sender's FIN
// with a RST.
//
// At most one segment a flow is kept: a later one says all that it said. Its turn
// has come when netstack acknowledges all that is in front of it, which it does at
// once; that this stage stands inside of the one for delayed ACK lets it see that.
type inOrder struct {
	e     *Endpoint
	place int // in the chain
	line  lateLine
}

// early is a flow's share of the stage, guarded by the flow's lock.
type early struct {
	// next is RCV.NXT as far as what was delivered in order and what netstack
	// acknowledged tell; known says that there is one.
	next  segment.Seq
	known bool
	kept  *late
}

func newInOrder(e *Endpoint) *inOrder {
	o := &inOrder{e: e}
	o.line.clock, o.line.send = e.clock, o.resume
	return o
}

func (o *inOrder) inbound(f *tracked, p *packet) verdict {
	if f == nil || o.e.observe || p.seg.Flags.Has(segment.RST) {
		return pass
	}
	h, s := &f.early, &p.seg
	switch {
	case !h.known:
		h.next, h.known = s.End(), s.Flags.Has(segment.SYN)
	case !h.next.Less(s.Seq):
		if h.next.Less(s.End()) {
			h.next = s.End()
		}
	case s.PayloadLen == 0 && (s.Flags.Has(segment.FIN) || f.conn.FINSent(f.host)):
		o.keep(f, p)
		return taken
	}
	return pass
}

func (o *inOrder) outbound(f *tracked, p *packet) verdict {
	if f == nil || !f.early.known || !p.seg.Flags.Has(segment.ACK) {
		return pass
	}
	h := &f.early
	if h.next.Less(p.seg.Ack) {
		h.next = p.seg.Ack
	}
	if l := h.kept; l != nil && !p.seg.Ack.Less(l.seg.Seq) {
		// netstack holds its locks, so the segment goes its way by itself.
		h.kept = nil
		l.at = o.e.clock.NowMonotonic()
		if !o.line.add(l) {
			l.buf.DecRef()
		}
	}
	return pass
}

// keep holds on to a segment, in place of one kept already: a FIN is only given up
// for another.
func (o *inOrder) keep(f *tracked, p *packet) {
	if l := f.early.kept; l != nil {
		if l.seg.Flags.Has(segment.FIN) && !p.seg.Flags.Has(segment.FIN) {
			return
		}
		o.drop(f)
	}
	l := &late{packet: *p, f: f, dir: In}
	l.buf.IncRef()
	f.early.kept = l
}

// drop forgets what is kept: the connection is gone, or a later segment came.
func (o *inOrder) drop(f *tracked) {
	if f.early.kept != nil {
		f.early.kept.buf.DecRef()
		f.early.kept = nil
	}
}

// resume delivers a segment whose turn has come. What the last ACK goes in front of
// may be the ACK for which netstack's endpoint waits: TIME_WAIT is no reason to drop
// it. An endpoint that was reset would answer with a RST.
func (o *inOrder) resume(l *late) {
	defer l.buf.DecRef()
	l.f.mu.Lock()
	if l.f.gone.Load() && !o.e.timeWait.has(l.f.key) {
		l.f.mu.Unlock()
		return
	}
	l.f.now = l.packet
	l.f.now.behind = nil
	if v, _ := o.e.arriveIn(l.f, o.place+1); v != taken {
		o.e.Endpoint.DeliverNetworkPacket(protocolOf(&l.seg), l.buf)
	}
}

// close drops what is on its way in: there is nobody left to take it.
func (o *inOrder) close() {
	for _, f := range o.e.flows.all() {
		f.mu.Lock()
		o.drop(f)
		f.mu.Unlock()
	}
	for _, l := range o.line.close() {
		l.buf.DecRef()
	}
}
