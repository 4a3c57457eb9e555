package closepath

import (
	"lastack/stack/segment"
	"lastack/stack/tunable"

	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// finWithData puts the host's FIN into the last segment of data, as Linux does
// (tcp_send_fin), where that segment has not left when the application closes. netstack
// always makes a segment of its own for the FIN, which goes right behind the data; the stage
// drops that one.
//
// netstack does not tell which data are the last: the application says how much it has
// written (Ended), or will have written (Ends). Data are kept back in between the two calls
// alone, which is while the application is in its last call.
//
// netstack has queued its FIN before the wire can have it, but may not have sent it
// (fingate.go).
//
// Upstream: let the last segment of the write list carry the FIN (shutdownLocked,
// tcp/endpoint.go).
type finWithData struct {
	e     *Endpoint
	place int // in the chain
	line  lateLine
}

// joining is a flow's share of the stage, guarded by the flow's lock; nil until the
// application has said where the data end.
type joining struct {
	// seq is the FIN's number: the data end in front of it.
	seq segment.Seq
	// shut: the application has closed. joined: the FIN has left with data. own: netstack, or
	// the light connection, has sent its own FIN. more: the application has said before that
	// it would close.
	shut, joined, own, more bool
	// kept is the last data, with a reference of ours, while the application is about to
	// close.
	kept *netstack.PacketBuffer
	// waiting are the peer's segments that wait for netstack's FIN; through: none do any more.
	waiting []*late
	through bool
}

func newFINWithData(e *Endpoint) *finWithData {
	s := &finWithData{e: e}
	s.line.clock, s.line.send = e.clock, s.hand
	return s
}

// Ends tells the endpoint, before the application's last write on a connection (Src is the
// host), that it will have written n bytes in all, those in a SYN included. Data up to there
// wait for Ended, which has to follow at once, or GoesOn. They go without PSH, as those of
// MSG_MORE do on Linux: the FIN pushes them (RFC 9293 3.9.1.2, 3.10.7.4).
func (e *Endpoint) Ends(t segment.Tuple, n uint64) { e.finWithData.ends(t, n, false) }

// Ended tells the endpoint that the application has closed a connection for writing, by
// Shutdown or Close of netstack's or a light endpoint, and had written n bytes in all, those
// in a SYN included. The FIN goes with the last of them, if that has not left.
func (e *Endpoint) Ended(t segment.Tuple, n uint64) { e.finWithData.ends(t, n, true) }

// GoesOn takes Ends back: the application could not write all.
func (e *Endpoint) GoesOn(t segment.Tuple) {
	if f := e.flows.lookup(t); f != nil {
		f.mu.Lock()
		e.finWithData.letGo(f)
		if f.joining != nil && !f.joining.shut {
			f.joining = nil
		}
		_ = e.drain(f) // a failed write is a lost segment
	}
}

func (s *finWithData) ends(t segment.Tuple, n uint64, shut bool) {
	f := s.e.flows.lookup(t)
	if f == nil || n == 0 {
		return
	}
	f.mu.Lock()
	isn, known := f.conn.ISN(f.host)
	on := s.e.tunables.Bool(tunable.FINWithData)
	if f.gone.Load() || f.conn.FINSent(f.host) || !known || f.joining == nil && !on {
		f.mu.Unlock()
		return
	}
	if f.joining == nil {
		f.joining = new(joining)
	}
	j := f.joining
	j.seq, j.shut, j.more = isn+1+segment.Seq(n), shut, j.more || !shut
	if shut {
		s.letGo(f)
	}
	_ = s.e.drain(f) // a failed write is a lost segment
}

func (s *finWithData) inbound(*tracked, *packet) verdict { return pass }

func (s *finWithData) outbound(f *tracked, p *packet) verdict {
	if f == nil || f.joining == nil || s.e.observe {
		return pass
	}
	j, end := f.joining, p.seg.Seq+segment.Seq(p.seg.PayloadLen)
	switch {
	case len(j.waiting) > 0 && p.seg.Len() > 0 && !p.seg.Flags.Any(segment.SYN|segment.RST):
		return s.caughtUp(f, p)
	case p.seg.Flags.Any(segment.SYN | segment.RST):
	case p.seg.Flags.Has(segment.FIN):
		return s.bare(f, p)
	case p.seg.PayloadLen > 0 && j.seq.Less(end) && !j.joined:
		s.letGo(f)
		f.joining = nil // the application has written more than it said
		return pass
	case p.seg.PayloadLen > 0 && end == j.seq:
		return s.last(f, p)
	}
	s.letGo(f)
	return pass
}

// last handles the last data: the FIN goes with them, if it goes with the first copy.
func (s *finWithData) last(f *tracked, p *packet) verdict {
	j := f.joining
	switch first := f.conn.Next(f.host).Less(j.seq); {
	case !first && !j.joined, j.seq.LessEq(f.conn.Una(f.host)):
		return pass
	case first && !j.shut:
		s.letGo(f)
		j.kept = p.buf.IncRef()
		return taken
	}
	s.join(f, p)
	return pass
}

// join puts the FIN into the last data. It needs a window as a byte does (RFC 9293 3.8.6): with
// room for the data alone it follows by itself.
func (s *finWithData) join(f *tracked, p *packet) {
	j := f.joining
	b := p.header()
	if b == nil || !j.joined && !j.seq.Less(f.conn.WindowEnd(f.host.Other())) {
		return
	}
	flags := p.seg.Flags | segment.FIN
	if j.more {
		flags &^= segment.PSH
	}
	p.seg.SetFlags(b, flags)
	j.joined = true
}

// letGo sends the data that are kept, with the FIN if the application has closed. f.mu is
// held; the caller drains the flow's queue.
func (s *finWithData) letGo(f *tracked) {
	j := f.joining
	if j == nil || j.kept == nil {
		return
	}
	buf := j.kept
	j.kept = nil
	defer buf.DecRef()
	seg, err := parse(buf)
	if err != nil {
		return // it was parsed before
	}
	p := packet{seg: seg, buf: buf}
	if j.shut {
		s.join(f, &p)
	}
	if s.e.runOutbound(f, &p, s.place) == pass {
		f.enqueue(buf)
	}
}

// bare handles a FIN without data, netstack's or a light connection's. The first has left with
// the data; a copy is sent in front of data that are not acknowledged, which carry it, by
// netstack's probe of the tail (RFC 8985 7).
func (s *finWithData) bare(f *tracked, p *packet) verdict {
	j := f.joining
	j.shut = true // it is sent behind all data
	s.letGo(f)
	first := !j.own
	j.own = true
	switch {
	case !j.joined:
		return pass
	case first:
	case j.seq.LessEq(f.conn.Una(f.host)):
		return pass
	case s.e.finish.stands(f):
		s.e.finish.probe(f)
	}
	s.e.report(f, p, Dropped, Host, Out)
	return taken
}

// drop lets go of what is kept: the flow has left the table. f.mu is held.
func (s *finWithData) drop(f *tracked) {
	j := f.joining
	if j == nil {
		return
	}
	if j.kept != nil {
		j.kept.DecRef()
	}
	for _, l := range j.waiting {
		l.buf.DecRef()
	}
	f.joining = nil
}

// close drops the segments on their way in: nobody is left to receive them.
func (s *finWithData) close() {
	for _, l := range s.line.close() {
		l.buf.DecRef()
	}
}
