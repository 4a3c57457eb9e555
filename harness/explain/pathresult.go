package explain

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// result is what was found, once both captures are read.
func (w *walk) result() *PathDiff {
	d := &PathDiff{Matched: len(w.twins), MatchedBy: map[MatchBy]int{}, Ways: w.ways, Warnings: []string{}}
	for side := range 2 {
		s, end := w.s[side], d.end(side)
		*end = PathEnd{Name: s.Name, Begin: stamp(s.begin), End: stamp(s.end), Segments: s.segments, Connections: s.Connections}
		d.Ways[side].From, d.Ways[side].To = name(side), name(1-side)
	}
	off := w.offset(d)
	for way := range 2 {
		d.Ways[way].Delay = w.delays[way].summary(&off, int64(1-2*way))
	}
	w.ends()
	d.Changes = w.changes.list()
	d.Unchanged = true
	for k := range w.changes.of {
		d.Unchanged = d.Unchanged && k.kind.expected()
	}
	w.connections(d)
	w.alone(d)
	d.Resets = []PathReset{}
	for _, g := range w.resets {
		d.Resets = append(d.Resets, *g)
	}
	slices.SortFunc(d.Resets, func(x, y PathReset) int {
		return cmp.Or(cmp.Compare(y.Segments, x.Segments), cmp.Compare(x.What+x.At+x.From, y.What+y.At+y.From), cmp.Compare(x.OtherTTL, y.OtherTTL))
	})
	d.LossFree = d.Ways[0].Lost.Segments+d.Ways[1].Lost.Segments+d.Ways[0].Added.Segments+d.Ways[1].Added.Segments == 0
	d.Same = d.Differing == 0 && len(d.Alone) == 0 && len(d.Proxied) == 0 && d.Matched > 0
	w.warn(d)
	return d
}

func (d *PathDiff) end(side int) *PathEnd {
	if side == 0 {
		return &d.A
	}
	return &d.B
}

// offset is the offset by all segments that both captures have.
func (w *walk) offset(d *PathDiff) offset {
	off, ok := w.clock.estimate()
	if !ok { // all timestamps and identifications were changed
		off, ok = w.off, w.offKnown
	}
	if !w.oriented {
		off.broken = false // the ways are not known, so that delays of both signs are no wonder
	}
	c := &d.Clock
	c.Known, c.OffsetUS, c.Samples, c.Uneven = ok, time.Duration(off.at(w.clock.from)).Round(time.Microsecond).Microseconds(), w.clock.samples, off.broken
	c.DriftPPM, c.DriftUncertaintyPPM = off.drift*1e6, off.driftWithin*1e6
	if off.within >= 0 && ok {
		us := (off.within + 999) / 1000
		c.UncertaintyUS = &us
	}
	return off
}

// connections lists those whose closes differ, the worst first.
func (w *walk) connections(d *PathDiff) {
	var all []*twin
	for _, p := range w.twins {
		d.MatchedBy[p.by]++
		if p.near > 0 {
			d.A.NearClients++
		} else {
			d.B.NearClients++
		}
		switch {
		case p.closing > 0, p.skipped == 0 && !p.closesSame():
			all = append(all, p)
		case !p.closesSame():
			d.Cut++
		}
	}
	d.Differing = len(all)
	slices.SortStableFunc(all, func(x, y *twin) int { return cmp.Compare(y.severity(), x.severity()) })
	d.Connections = []PathConnection{}
	for _, p := range all[:min(len(all), maxPathListed)] {
		d.Connections = append(d.Connections, p.connection())
	}
}

// severity orders connections: a RST that nobody sent, closes that are not of one
// kind, a RST that got lost, then by what else of the close got lost.
func (p *twin) severity() int {
	n := min(int(p.closing), 99)
	if p.resets&1 != 0 {
		n += 1000
	}
	if !p.closesSame() {
		n += 500
	}
	if p.resets&2 != 0 {
		n += 200
	}
	return n
}

func (p *twin) connection() PathConnection {
	c := PathConnection{
		A: p.a.public(p.na, p.reason[0]), B: p.b.public(p.nb, p.reason[1]), By: p.by,
		NearClient: name(p.sender(0)), ClosesSame: p.closesSame(),
		LostAB: int(p.lost[0]), LostBA: int(p.lost[1]), AddedAB: int(p.added[0]), AddedBA: int(p.added[1]),
		Events: p.events, MoreEvents: int(p.more),
	}
	if c.Events == nil {
		c.Events = []PathEvent{}
	}
	slices.SortStableFunc(c.Events, func(x, y PathEvent) int { return x.inA().Compare(y.inA()) })
	return c
}

func (v *digest) public(n int, reason string) PathView {
	return PathView{
		N: n, Client: v.ends[0].String(), Server: v.ends[1].String(), Close: string(v.kind),
		ActiveCloser: string(v.active), ResetBy: string(v.resetBy), Reason: reason,
	}
}

// warn says what the figures do not cover.
func (w *walk) warn(d *PathDiff) {
	say := func(format string, args ...any) { d.Warnings = append(d.Warnings, fmt.Sprintf(format, args...)) }
	for _, s := range w.s {
		if s.warning != "" {
			say("%s", s.warning)
		}
		if more := s.Connections - len(s.digests); more > 0 {
			say("%s has more connections than are compared: %s of %s", s.Name, number(len(s.digests)), number(s.Connections))
		}
	}
	if d.Matched == 0 {
		say("no connection is in both captures: if they are of one path, something on it ends connections and begins others (a proxy), or they were not made at one time")
	}
	if d.Matched > 0 && !w.oriented {
		say("nothing tells which capture is at the client's end (no hop between, no delay); A is taken for it, and what one end alone has may be lost or injected")
	}
	if d.Clock.Uneven {
		say("no offset with a constant drift fits all segments: a clock was set or stepped during the captures")
	}
	if w.hurried {
		say("so much waited to be found in the other capture that some was counted as missing early: losses are upper bounds")
	}
	if w.changes.more > 0 {
		say("there are more kinds of changes than are listed: %s segments or connections with others", number(w.changes.more))
	}
}
