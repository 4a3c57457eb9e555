package explain

import (
	"slices"
	"time"

	"lastack/stack/segment"
)

// MatchBy says by what a connection of one capture was recognised in the other.
type MatchBy string

// The ways, the surest first.
const (
	MatchWhole   MatchBy = "tuple and initial sequence numbers"
	MatchISNs    MatchBy = "initial sequence numbers" // addresses or ports were translated
	MatchOneISN  MatchBy = "one end and one initial sequence number"
	MatchNumbers MatchBy = "tuple and sequence numbers in use" // no handshake in one of them
	// MatchNATNumbers needs the numbers of both directions.
	MatchNATNumbers MatchBy = "one end and sequence numbers in use"
	MatchTuple      MatchBy = "tuple and time" // initial numbers were rewritten
)

const (
	matchAttempts = 64              // connections with one key that are tried
	tupleWithin   = 5 * time.Second // of each other, with MatchTuple
)

// twin is a connection that both captures have.
type twin struct {
	a, b   *digest
	na, nb int // their numbers
	// flip: B has client and server the other way round.
	flip bool
	by   MatchBy
	// shift is what B's sequence numbers are more than A's, by A's sides.
	shift [2]segment.Seq
	// near is 1 where A is nearer to the client, -1 where B is, 0 where nothing tells.
	near int8

	waiting [2]*waiting // by A's sides
	pathResult
}

// side is B's side for one of A's.
func (p *twin) side(s int) int {
	if p.flip {
		return 1 - s
	}
	return s
}

// matchKey is what two digests have in common; what does not count is zero.
type matchKey struct {
	x, y segment.Endpoint
	isn  [2]segment.Seq
	kind uint8
}

// matcher twins the digests of two surveys.
type matcher struct {
	a, b  *Survey
	twins []*twin
}

// match twins what can be paired without knowing the clocks.
func match(a, b *Survey) []*twin {
	m := &matcher{a: a, b: b}
	m.stage(MatchWhole, func(v *digest) (matchKey, bool) {
		k := matchKey{x: v.ends[0], y: v.ends[1]}
		for s := range 2 {
			if v.known[s] {
				k.isn[s] = v.isn[s]
				k.kind |= 1 << s
			}
		}
		return k, k.kind != 0
	}, nil)
	m.stage(MatchISNs, func(v *digest) (matchKey, bool) {
		return matchKey{isn: v.isn}, v.known[0] && v.known[1]
	}, nil)
	for s := range 2 {
		for e := range 2 {
			m.stage(MatchOneISN, func(v *digest) (matchKey, bool) {
				k := matchKey{x: v.ends[e]}
				k.isn[s] = v.isn[s]
				return k, v.known[s]
			}, nil)
		}
	}
	m.stage(MatchNumbers, tupleKey, overlaps)
	for e := range 2 { // translated; most NATs keep the port where they can
		m.stage(MatchNATNumbers, func(v *digest) (matchKey, bool) {
			return matchKey{x: v.ends[e], y: segment.Endpoint{Port: v.ends[1-e].Port}}, true
		}, overlapsBoth)
		m.stage(MatchNATNumbers, func(v *digest) (matchKey, bool) { return matchKey{x: v.ends[e]}, true }, overlapsBoth)
	}
	m.rewritten()
	return m.twins
}

func tupleKey(v *digest) (matchKey, bool) {
	t, _ := segment.Tuple{Src: v.ends[0], Dst: v.ends[1]}.Canonical()
	return matchKey{x: t.Src, y: t.Dst}, true
}

// stage twins the digests that are left and have one key, in the order in which they
// began, where accept, unless it is nil, says so.
func (m *matcher) stage(by MatchBy, key func(*digest) (matchKey, bool), accept func(a, b *digest) bool) {
	of := map[matchKey][]int32{}
	for i := range m.b.digests {
		if v := &m.b.digests[i]; v.twin < 0 {
			if k, ok := key(v); ok {
				of[k] = append(of[k], int32(i))
			}
		}
	}
	for i := range m.a.digests {
		v := &m.a.digests[i]
		if v.twin >= 0 || len(of) == 0 {
			continue
		}
		k, ok := key(v)
		if !ok {
			continue
		}
		list := of[k]
		for n, j := range list[:min(len(list), matchAttempts)] {
			if accept == nil || accept(v, &m.b.digests[j]) {
				m.join(i, int(j), by)
				of[k] = slices.Delete(list, n, n+1)
				break
			}
		}
	}
}

func (m *matcher) join(i, j int, by MatchBy) {
	a, b := &m.a.digests[i], &m.b.digests[j]
	p := &twin{a: a, b: b, na: i + 1, nb: j + 1, by: by}
	p.flip = a.ends[0] == b.ends[1] && a.ends[1] == b.ends[0]
	a.twin, b.twin = int32(len(m.twins)), int32(len(m.twins))
	for s := range 2 {
		if t := p.side(s); a.known[s] && b.known[t] {
			p.shift[s] = b.isn[t] - a.isn[s]
		}
	}
	p.orient()
	m.twins = append(m.twins, p)
}

// overlaps reports whether two digests of one tuple, one of them without a handshake,
// use the same sequence numbers.
func overlaps(a, b *digest) bool { return overlap(a, b, a.ends[0] != b.ends[0]) > 0 }

// overlapsBoth is for digests of which one end alone is the same.
func overlapsBoth(a, b *digest) bool { return overlap(a, b, false) == 2 }

// overlap counts the directions in which two digests use the same sequence numbers, 0
// where one contradicts.
func overlap(a, b *digest, flip bool) (alike int) {
	for s := range 2 {
		t := s
		if flip {
			t = 1 - s
		}
		switch {
		case a.known[s] && b.known[t] && a.isn[s] != b.isn[t]:
			return 0
		case !a.seen[s] || !b.seen[t]:
		case a.high[s].Less(b.low[t]) || b.high[t].Less(a.low[s]):
			return 0
		default:
			alike++
		}
	}
	return alike
}

// rewritten twins connections of one tuple whose initial numbers are all different,
// if the time between their beginnings is that of most of them.
func (m *matcher) rewritten() {
	before := len(m.twins)
	m.stage(MatchTuple, tupleKey, func(a, b *digest) bool {
		return a.known[0] && b.known[0] && a.known[1] == b.known[1]
	})
	late := func(p *twin) int64 { return p.b.begin - p.a.begin }
	var all []int64
	for _, p := range m.twins {
		all = append(all, late(p))
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	middle := all[len(all)/2]
	kept := m.twins[:before]
	for _, p := range m.twins[before:] {
		if d := late(p) - middle; d > int64(tupleWithin) || d < -int64(tupleWithin) {
			p.a.twin, p.b.twin = -1, -1
			continue
		}
		p.a.twin, p.b.twin = int32(len(kept)), int32(len(kept))
		kept = append(kept, p)
	}
	m.twins = kept
}

// surely is how much two times have to differ to tell which end a capture is near.
const surely = int64(20 * time.Microsecond)

// orient finds out which capture is nearer to the client: each router lowers the
// TTL, and at the client's end the answers come later.
func (p *twin) orient() {
	var hops [2]int // from A to B, as the TTLs have it
	for s := range 2 {
		if x, y := p.a.ttl[s], p.b.ttl[p.side(s)]; x > 0 && y > 0 {
			hops[s] = int(x) - int(y)
		}
	}
	switch {
	case hops[0] > 0 && hops[1] <= 0, hops[0] == 0 && hops[1] < 0:
		p.near = 1
		return
	case hops[0] < 0 && hops[1] >= 0, hops[0] == 0 && hops[1] > 0:
		p.near = -1
		return
	}
	var least, most int64
	var some [2]bool
	p.samples(func(s int, a, b int64) {
		switch x := b - a; {
		case s == 0 && (!some[0] || x < least):
			least = x
		case s == 1 && (!some[1] || x > most):
			most = x
		}
		some[s] = true
	})
	if some[0] && some[1] {
		switch d := least - most; {
		case d > surely:
			p.near = 1
		case d < -surely:
			p.near = -1
		}
	}
}

// samples calls f with the times of segments of A's side s that both captures have.
func (p *twin) samples(f func(s int, a, b int64)) {
	for s := range 2 {
		t := p.side(s)
		if p.a.synAt[s] > 0 && p.b.synAt[t] > 0 {
			f(s, p.a.synAt[s], p.b.synAt[t])
		}
		if p.a.sketch == nil || p.b.sketch == nil {
			continue
		}
		for _, x := range p.a.sketch[s] {
			for _, y := range p.b.sketch[t] {
				if x.at > 0 && y.at > 0 && x.hash == y.hash {
					f(s, x.at, y.at)
				}
			}
		}
	}
}

// there reports whether the segments of A's side s travel from A to B.
func (p *twin) there(s int) bool { return (s == 0) == (p.near >= 0) }

// orientAll gives twins that do not tell the place that most others have, and
// reports whether any told.
func orientAll(twins []*twin) bool {
	sum, told := 0, false
	for _, p := range twins {
		sum += int(p.near)
		told = told || p.near != 0
	}
	for _, p := range twins {
		if p.near == 0 {
			p.near = 1
			if sum < 0 {
				p.near = -1
			}
		}
	}
	return told
}
