package closepath

import (
	"lastack/stack/impair"
	"lastack/stack/segment"
)

// picker is the outermost part of the stage: it asks the rules about what comes in
// before the wire tap sees it, so that the tap can tell what becomes of it.
type picker struct{ *impairment }

func (i picker) inbound(f *tracked, p *packet) verdict {
	i.pick(f, p, In)
	return pass
}

func (picker) outbound(*tracked, *packet) verdict { return pass }

// pick finds the rule that a segment falls to.
func (i *impairment) pick(f *tracked, p *packet, dir Dir) {
	if !i.on.Load() {
		return
	}
	p.rule = i.judge(f, p, dir)
	if p.rule != nil && p.rule.Action == impair.Reorder && (f == nil || f.impaired.aside[dir] != nil) {
		p.rule = nil // there is nothing that could overtake it, or another waits already
	}
}

// judge asks the rules about a segment.
func (i *impairment) judge(f *tracked, p *packet, dir Dir) *impair.Rule {
	s := impair.Segment{Segment: &p.seg, From: impair.Host}
	tuple := p.seg.Tuple // as the host's segments have it
	if dir == In {
		s.From, tuple = impair.Peer, tuple.Reverse()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.set == nil {
		return nil
	}
	if f == nil {
		counts, fin, known := i.recall(tuple, dir)
		s.AcksFIN = known && acknowledges(&p.seg) && !p.seg.Ack.Less(fin)
		return i.set.Judge(&s, counts)
	}
	if f.impaired.counts == nil {
		f.impaired.counts = new(impair.Counts)
	}
	receiver := f.host
	if dir == Out {
		receiver = receiver.Other()
	}
	s.AcksFIN = f.conn.FINSent(receiver) && acknowledges(&p.seg) && !p.seg.Ack.Less(f.conn.Next(receiver))
	return i.set.Judge(&s, f.impaired.counts)
}

func acknowledges(s *segment.Segment) bool {
	return s.Flags.Has(segment.ACK) && !s.Flags.Any(segment.SYN|segment.RST)
}

// recall finds what was counted in a connection that is in TIME_WAIT, and the
// acknowledgment of the FIN in a segment of that direction. i.mu is held.
func (i *impairment) recall(t segment.Tuple, dir Dir) (*impair.Counts, segment.Seq, bool) {
	rec, ok := i.e.TimeWait(t)
	if !ok {
		return nil, 0, false
	}
	if i.waiting[t] == nil {
		i.waiting[t] = new(impair.Counts)
	}
	if dir == In {
		return i.waiting[t], rec.SndNxt, true
	}
	return i.waiting[t], rec.RcvNxt, true
}

// remember keeps a flow's counts while its connection is in TIME_WAIT. f.mu is
// held, and the record is in the table.
func (i *impairment) remember(f *tracked) {
	if !i.on.Load() {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.set == nil {
		return
	}
	if f.impaired.counts == nil {
		f.impaired.counts = new(impair.Counts)
	}
	i.waiting[f.key] = f.impaired.counts
}

// forget drops the counts of a connection whose TIME_WAIT is over, or whose
// 4-tuple has a new one.
func (i *impairment) forget(t segment.Tuple) {
	if !i.on.Load() {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.waiting, t)
}
