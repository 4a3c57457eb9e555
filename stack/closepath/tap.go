package closepath

import (
	"sync"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// tap shows passing segments to the observer.
type tap struct {
	e     *Endpoint
	point Point
}

func (t *tap) inbound(f *tracked, p *packet) verdict  { return t.see(f, p, In) }
func (t *tap) outbound(f *tracked, p *packet) verdict { return t.see(f, p, Out) }

func (t *tap) see(f *tracked, p *packet, dir Dir) verdict {
	t.e.report(f, p, Seen, t.point, dir)
	return pass
}

// report calls the observer, if there is one.
func (e *Endpoint) report(f *tracked, p *packet, kind Kind, point Point, dir Dir) {
	if e.tap == nil {
		return
	}
	ev := events.Get().(*Event)
	*ev = Event{
		Kind: kind, Point: point, Dir: dir, Time: e.clock.Now(),
		Seg: &p.seg, Hold: p.hold, Held: p.held, Rule: p.rule, buf: p.buf,
		Damaged: p.refused && point == Wire && dir == In, // what TCP refuses otherwise, the tracker finds
	}
	if dir == Out && p.hold == flow.HoldUnknown {
		ev.Hold = flow.NotHeld
	}
	if f != nil {
		ev.Flow, ev.HostSide = f.id, f.host
		if (point == Wire) == (dir == Out) { // behind the flow tracker
			ev.Step = &p.step
		}
		if kind == Seen && point == Wire && dir == In && !e.observe {
			ev.Refusal = f.conn.Refusal(f.host.Other(), &p.seg)
		}
	}
	e.tap(ev)
	*ev = Event{} // lets go of the packet
	events.Put(ev)
}

// events are reused, because a tap may not keep one and a connection has dozens.
var events = sync.Pool{New: func() any { return new(Event) }}

// opensFlow reports whether a segment that belongs to no flow begins one: only
// a SYN does (RFC 9293 3.5), so that stray segments leave nothing behind. SYN+FIN does
// not, as in Linux.
func opensFlow(s *segment.Segment) bool {
	return s.Flags.Has(segment.SYN) && !s.Flags.Any(segment.ACK|segment.RST|segment.FIN)
}
