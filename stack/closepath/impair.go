package closepath

import (
	"sync"
	"sync/atomic"
	"time"

	"lastack/stack/impair"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/buffer"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// impairment makes the wire bad by rule (see package impair): it drops, delays,
// duplicates, reorders and corrupts segments between the wire and the host, and reports
// each such segment.
//
// An outgoing segment leaves through the flow's queue like all others. An incoming one
// that is duplicated, corrupted or reordered is handed to the endpoint with the segment
// that passes (packet.following); the endpoint delivers it once no lock is held.
type impairment struct {
	e     *Endpoint
	place int // in the chain
	seed  uint64
	line  lateLine

	// on tells without a lock whether there are rules.
	on atomic.Bool
	// mu guards the rules and what they count. It is taken with a flow's or a
	// shard's lock held; within it only the table of TIME_WAIT is asked.
	mu  sync.Mutex
	set *impair.Set
	// waiting holds the counts of connections in TIME_WAIT, which are no flows.
	waiting map[segment.Tuple]*impair.Counts
}

// impaired is a flow's share of the stage.
type impaired struct {
	// counts is guarded by the stage's lock; nil until a rule counts.
	counts *impair.Counts
	// aside holds, for each direction, the segment that the next one overtakes. It is
	// guarded by the flow's lock.
	aside [2]*late
}

// overtaken is how long a reordered segment waits for one that overtakes it.
const overtaken = 50 * time.Millisecond

func newImpairment(e *Endpoint, rules []impair.Rule, seed uint64) *impairment {
	i := &impairment{e: e, seed: seed}
	i.line.clock, i.line.send = e.clock, i.resume
	i.setRules(rules)
	return i
}

// setRules replaces the rules. Counts begin anew; segments that the old rules hold stay
// held.
func (i *impairment) setRules(rules []impair.Rule) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.set, i.waiting = nil, nil
	if len(rules) > 0 {
		i.set, i.waiting = impair.NewSet(rules, i.seed), map[segment.Tuple]*impair.Counts{}
	}
	i.on.Store(len(rules) > 0)
}

func (i *impairment) inbound(f *tracked, p *packet) verdict {
	v := i.apply(f, p, In)
	if v == pass {
		if l := i.overtake(f, In); l != nil {
			p.following = append(p.following, l)
		}
	}
	return v
}

// outbound sends the segments that it impairs itself, followed by those that they
// overtake.
func (i *impairment) outbound(f *tracked, p *packet) verdict {
	i.pick(f, p, Out)
	v := i.apply(f, p, Out)
	if v == taken {
		return taken
	}
	l := i.overtake(f, Out)
	if l == nil {
		return pass
	}
	i.out(f, p)
	i.out(f, &l.packet)
	l.buf.DecRef()
	return taken
}

// overtake takes the segment that was put aside for the one that passes now.
func (i *impairment) overtake(f *tracked, dir Dir) *late {
	if f == nil || f.impaired.aside[dir] == nil {
		return nil
	}
	l := f.impaired.aside[dir]
	f.impaired.aside[dir] = nil
	if !i.line.withdraw(l) {
		return nil
	}
	return l
}

// apply applies a segment's rule to it. It passes the segment on where the rule does not
// change it, or adds a duplicate.
func (i *impairment) apply(f *tracked, p *packet, dir Dir) verdict {
	if p.rule == nil {
		return pass
	}
	switch p.rule.Action {
	case impair.Delay:
		if i.detour(f, p, dir, p.rule.Delay) == nil {
			return i.spare(p)
		}
	case impair.Reorder:
		l := i.detour(f, p, dir, overtaken)
		if l == nil {
			return i.spare(p)
		}
		f.impaired.aside[dir] = l
	case impair.Duplicate:
		i.again(f, p, dir, false)
		i.e.report(f, p, Impaired, Wire, dir)
		return pass
	case impair.Corrupt:
		i.again(f, p, dir, true)
	}
	i.e.report(f, p, Impaired, Wire, dir)
	return taken
}

// spare lets a segment pass that a rule picked in vain.
func (i *impairment) spare(p *packet) verdict {
	p.rule = nil
	return pass
}

// detour schedules a segment to go on from here after d, or returns nil where that is
// impossible.
func (i *impairment) detour(f *tracked, p *packet, dir Dir, d time.Duration) *late {
	if i.e.closed.Load() {
		return nil
	}
	l := &late{packet: *p, f: f, dir: dir, at: i.e.clock.NowMonotonic().Add(d)}
	l.buf.IncRef()
	if !i.line.add(l) {
		l.buf.DecRef()
		return nil
	}
	return l
}

// again sends a copy of the segment, with a bit flipped if it is to be corrupt.
func (i *impairment) again(f *tracked, p *packet, dir Dir, corrupt bool) {
	l := &late{packet: *p, f: f, dir: dir}
	l.following = nil
	l.buf = p.copy(corrupt)
	l.seg.Unfinished = l.buf.GSOOptions.NeedsCsum
	if dir == Out {
		l.buf = i.e.room(&l.seg, l.buf)
		i.out(f, &l.packet)
		l.buf.DecRef()
		return
	}
	l.corrupt = corrupt
	p.following = append(p.following, l)
}

// copy is the packet with bytes of its own. netstack keeps data that it has sent and
// changes headers that it receives, so a duplicate shares neither. The checksum of a
// corrupt one is completed first: with offload, the damage would become part of the
// checksum and never be found. It then goes out in one piece, large or not.
func (p *packet) copy(corrupt bool) *netstack.PacketBuffer {
	b := appendPacket(make([]byte, 0, p.seg.PayloadStart+p.seg.PayloadLen), p.buf)
	left := p.buf.GSOOptions
	if corrupt {
		if p.seg.Unfinished {
			p.seg.WriteChecksum(b)
			left = netstack.GSO{}
		}
		at := p.seg.TCPStart + 19 // the urgent pointer, which means nothing here
		if p.seg.PayloadLen > 0 && p.seg.PayloadStart < len(b) {
			at = p.seg.PayloadStart
		}
		b[at] ^= 1
	}
	buf := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	buf.NetworkProtocolNumber = protocolOf(&p.seg)
	buf.GSOOptions = left
	return buf
}

// out sends a segment through the stages outside of this one; it leaves with the
// flow's queue, which the caller drains.
func (i *impairment) out(f *tracked, p *packet) {
	if i.e.runOutbound(f, p, i.place) != pass {
		return
	}
	if f != nil {
		f.enqueue(p.buf)
		return
	}
	// A failed write is a lost segment, which is nothing unusual here.
	_ = i.e.writeOne(p.buf)
}

// resume sends on a segment whose time has come.
func (i *impairment) resume(l *late) {
	defer l.buf.DecRef()
	if l.f != nil {
		l.f.mu.Lock()
		if l.f.impaired.aside[l.dir] == l {
			l.f.impaired.aside[l.dir] = nil
		}
		if l.dir == In {
			l.f.mu.Unlock()
		}
	}
	switch {
	case l.dir == In:
		i.e.receive(&l.seg, l.buf, i.place+1)
	case l.f == nil:
		i.out(nil, &l.packet)
	default:
		i.out(l.f, &l.packet)
		_ = i.e.drain(l.f) // likewise
	}
}

// close sends what is on its way out, at once, and drops what is on its way in:
// there is nobody left to take it.
func (i *impairment) close() {
	for _, l := range i.line.close() {
		if l.dir == In {
			l.buf.DecRef()
			continue
		}
		i.resume(l)
	}
}

// SetImpairments replaces the rules by which the wire is bad, which have to be
// valid; none makes it good again. Counts begin anew, segments that the old rules
// hold back still come, and the random rules draw from the seed again.
func (e *Endpoint) SetImpairments(rules []impair.Rule) { e.impair.setRules(rules) }

// Impairments are the rules in force.
func (e *Endpoint) Impairments() []impair.Rule {
	e.impair.mu.Lock()
	defer e.impair.mu.Unlock()
	if e.impair.set == nil {
		return nil
	}
	return e.impair.set.Rules()
}

// deliverFollowing hands on what came in with a segment that has been delivered, and
// lets go of it. A corrupt one ends here if netstack would not find that out.
func (e *Endpoint) deliverFollowing(following []*late) {
	for _, l := range following {
		if l.corrupt && e.trusts() {
			l.buf.DecRef()
			continue
		}
		if l.corrupt {
			e.Endpoint.DeliverNetworkPacket(protocolOf(&l.seg), l.buf)
		} else {
			e.receive(&l.seg, l.buf, max(l.from, e.impair.place+1))
		}
		l.buf.DecRef()
	}
}
