package explain

import (
	"math/rand/v2"
	"slices"
	"time"

	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// pathResult is what is kept of a connection that both captures have.
type pathResult struct {
	finEnd  [2]segment.Seq // after the FIN, by A's sides
	finSeen [2]bool
	lost    [2]int32 // by way
	added   [2]int32
	skipped int32 // not compared
	events  []PathEvent
	more    int32
	closing int32 // segments of the close that one end alone has
	resets  uint8 // 1 a RST was injected, 2 one was lost
	changed [2]uint32
	reason  [2]string
}

// inBoth reports whether the other capture was there for an item. In a connection whose
// SYN both have, nothing is too early: a SYN that came before the other capture's first
// packet was lost, as it was sent again.
func (w *walk) inBoth(p *twin, i *item, side int) bool {
	other, margin := w.span[1-side], w.margin()
	return i.at+margin <= other[1] && (i.at-margin >= other[0] || p.whole())
}

// margin is how long a segment may be under way as a capture begins or ends.
func (w *walk) margin() int64 {
	return max(w.off.within, 0) + int64(underWay)
}

// whole reports whether both captures have the client's SYN.
func (p *twin) whole() bool { return p.a.synAt[0] > 0 && p.b.synAt[p.side(0)] > 0 }

// missing is called for an item that only one capture has.
func (w *walk) missing(p *twin, s, side int, i *item) {
	way := 0
	if !p.there(s) {
		way = 1
	}
	n, fate := i.segments(p.mss(s)), "lost"
	switch there := w.inBoth(p, i, side); {
	case there && side == way: // at the sender's end
		w.ways[way].Lost.add(i, n, 1)
		p.lost[way] += int32(n)
	case there:
		w.ways[way].Added.add(i, n, 1)
		p.added[way] += int32(n)
		fate = "injected"
	default:
		fate = "not compared"
		p.skipped += int32(n)
		w.ways[way].NotCompared += n
		if side == way {
			w.ways[way].Sent.add(i, n, -1)
		}
	}
	w.note(p, s, side, i, fate)
}

// note keeps what became of a segment that the handshake or the close depends on.
func (w *walk) note(p *twin, s, side int, i *item, fate string) {
	what := ""
	switch {
	case i.kind == itemSYN && fate != "not compared":
		what = "SYN"
	case i.kind == itemFIN:
		what = "FIN"
	case i.kind == itemRST:
		what = "RST"
	case i.lastACK:
		what = "ACK of FIN"
	default:
		return
	}
	if fate != "not compared" {
		if i.kind != itemSYN {
			p.closing++
		}
		if i.kind == itemRST {
			w.reset(p, s, side, i, fate)
		}
	}
	if len(p.events) >= maxEvents {
		p.more++
		return
	}
	e := PathEvent{What: what, Fate: fate, From: string(who(s)), At: name(side), TTL: int(i.ttl), Time: stamp(i.seen)}
	e.OtherTime = stamp(i.seen + w.off.at(i.at))
	if side == 1 {
		e.OtherTime = stamp(i.at)
	}
	p.events = append(p.events, e)
}

// underWay is what queues on the way may add to the shortest delay.
const underWay = 10 * time.Millisecond

// The bounds of what is listed.
const (
	maxEvents     = 8
	maxPathListed = 1000
	maxChanges    = 256
)

// resetKey is what RSTs have in common that are reported together.
type resetKey struct {
	fate     string
	side     int
	from     teardown.Who
	otherTTL bool
}

// reset counts a RST that one end alone has.
func (w *walk) reset(p *twin, s, side int, i *item, fate string) {
	v, t := p.a, s
	if side == 1 {
		v, t = p.b, p.side(s)
	}
	other := v.ttl[t] != 0 && i.ttl != 0 && v.ttl[t] != i.ttl
	key := resetKey{fate, side, who(s), other}
	g := w.resets[key]
	if g == nil {
		g = &PathReset{What: fate, At: name(side), From: string(who(s)), TTL: int(i.ttl), SenderTTL: int(v.ttl[t]), Example: p.na}
		w.resets[key] = g
	}
	bit := uint8(1)
	if fate == "lost" {
		bit = 2
	}
	if p.resets&bit == 0 {
		p.resets |= bit
		g.Connections++
	}
	g.Segments++
	if other {
		g.OtherTTL++
	}
}

// found is called for what both captures have.
func (w *walk) found(p *twin, s int, f found) {
	way := 0
	if !p.there(s) {
		way = 1
	}
	if f.a.certainly(f.b) {
		w.clock.add(way == 0, f.a.seen, f.b.seen)
		w.delays[way].add(f.a.seen, f.b.seen-f.a.seen)
	}
	w.compare(p, s, f)
}

// closesSame reports whether both ends saw the same close.
func (p *twin) closesSame() bool {
	turn := func(o teardown.Who) teardown.Who { return o }
	if p.flip {
		turn = otherThan
	}
	return p.a.kind == p.b.kind && p.a.active == turn(p.b.active) && p.a.resetBy == turn(p.b.resetBy)
}

func who(s int) teardown.Who {
	if s == 0 {
		return teardown.Client
	}
	return teardown.Server
}

func name(side int) string { return [2]string{"A", "B"}[side] }

func stamp(at int64) time.Time { return time.Unix(0, at).UTC() }

// delays is a sample of the times between the two ends.
type delays struct {
	seen int
	kept []bound
	rand *rand.Rand
}

const maxDelays = 4096

// add keeps each of all seen with the same probability (Vitter's algorithm R).
func (d *delays) add(at, x int64) {
	d.seen++
	if len(d.kept) < maxDelays {
		d.kept = append(d.kept, bound{at: at, x: x})
		return
	}
	if d.rand == nil {
		d.rand = rand.New(rand.NewPCG(1, 2)) // the same for the same captures
	}
	if n := d.rand.IntN(d.seen); n < maxDelays {
		d.kept[n] = bound{at: at, x: x}
	}
}

// summary is nil where there is none; sign is 1 from A to B, -1 from B to A.
func (d *delays) summary(o *offset, sign int64) *PathDelay {
	if len(d.kept) == 0 || o.within < 0 || o.broken {
		return nil
	}
	all := make([]int64, len(d.kept))
	for i, k := range d.kept {
		all[i] = max(sign*(k.x-o.at(k.at)), 0)
	}
	slices.Sort(all)
	at := func(percent int) int64 { return all[(len(all)-1)*percent/100] / 1000 }
	return &PathDelay{MinUS: at(0), P50US: at(50), P95US: at(95)}
}
