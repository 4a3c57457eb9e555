package closepath

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

var seed = flag.Uint64("seed", 0, "seed of the randomised traffic (0: a new one)")

// TestNothingIsLost: what netstack sent minus what was superseded is what the
// wire saw, whatever the traffic; and a superseded ACK is covered by a later
// segment on the wire unless its connection was reset.
func TestNothingIsLost(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("repeat with -seed %d", s)
	for round := range uint64(200) {
		traffic(t, rand.New(rand.NewPCG(s, round)))
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

// ledger follows every outgoing segment by its TSval, which the test makes unique
// and apart: what the close path itself sends has ones in between.
type ledger struct {
	own                    []segment.Segment // of the close path's making, on the wire
	sent, superseded, wire map[uint32]segment.Segment
	dropped                map[uint32]segment.Segment // RSTs for what is in TIME_WAIT
	order                  []uint32
	wireOrder              []uint32
	reset                  map[segment.Tuple]bool
}

func (l *ledger) tap(e *Event) {
	if e.Seg.Flags.Has(rst) {
		l.reset[e.Seg.Tuple], l.reset[e.Seg.Reverse()] = true, true
	}
	if e.Dir != Out {
		return
	}
	id := e.Seg.TSVal
	switch {
	case e.Kind == Superseded:
		l.superseded[id] = *e.Seg
	case e.Kind == Dropped:
		l.dropped[id] = *e.Seg
	case e.Kind == Seen && e.Point == Host:
		l.sent[id] = *e.Seg
		l.order = append(l.order, id)
	case e.Kind == Seen && e.Point == Wire:
		if id%apart == 0 && id != 0 {
			l.wire[id] = *e.Seg
		} else {
			l.own = append(l.own, *e.Seg)
		}
		l.wireOrder = append(l.wireOrder, id)
	}
}

// apart is more than the milliseconds that the traffic lasts.
const apart = 1 << 16

// ofConnections are the segments on the wire in order, for each connection.
func (l *ledger) ofConnections() map[segment.Tuple][]uint32 {
	ids := map[segment.Tuple][]uint32{}
	for _, id := range l.wireOrder {
		t := l.wire[id].Tuple
		ids[t] = append(ids[t], id)
	}
	return ids
}

// side is the made-up netstack of one connection.
type side struct {
	port    uint16
	seq     segment.Seq // host's next
	got     segment.Seq // host's RCV.NXT
	finned  bool
	peerFIN bool
	dead    bool
}

// traffic runs random traffic, over a wire made bad by the rules, and checks it.
func traffic(t *testing.T, rnd *rand.Rand, rules ...string) *ledger {
	t.Helper()
	r := newRig(t, rnd.IntN(2) == 1)
	r.ep.SetImpairments(parseRules(t, rules...))
	l := &ledger{
		sent: map[uint32]segment.Segment{}, superseded: map[uint32]segment.Segment{},
		wire: map[uint32]segment.Segment{}, dropped: map[uint32]segment.Segment{},
		reset: map[segment.Tuple]bool{},
	}
	r.ep.tap = l.tap
	id := uint32(0)
	write := func(c *side, flags segment.Flags, n int) {
		r.peerPort = c.port
		s := r.seg(true, flags, c.seq, c.got)
		id += apart
		s.TSVal = id
		if rnd.IntN(10) == 0 {
			s.Window += uint16(rnd.IntN(3))
		}
		r.writeSegment(s, n)
	}
	var conns []*side
	for i := range 3 {
		c := &side{port: uint16(1000 + i), seq: 1, got: 1}
		r.peerPort = c.port
		r.deliver(syn, 0, 0, 0)
		s := r.seg(true, synAck, 0, 1)
		id += apart
		s.TSVal = id
		r.writeSegment(s, 0)
		r.deliver(ack, 1, 1, 0)
		conns = append(conns, c)
	}
	for range 60 {
		act(r, rnd, conns[rnd.IntN(len(conns))], write)
	}
	r.ep.Close()
	l.check(t)
	wired := r.sent()
	if len(wired) != len(l.wireOrder) {
		t.Fatalf("the wire tap saw %d segments, the wire %d", len(l.wireOrder), len(wired))
	}
	return l
}

// act does one random thing that a host, its peer or its owner might do.
func act(r *rig, rnd *rand.Rand, c *side, write func(*side, segment.Flags, int)) {
	r.peerPort = c.port
	switch k := rnd.IntN(20); {
	case c.dead:
	case k < 6 && !c.peerFIN: // data arrives, netstack acknowledges
		n := 1 + rnd.IntN(1448)
		r.deliver(psh, c.got, c.seq, n)
		c.got += segment.Seq(n)
		write(c, ack, 0)
	case k < 8: // a duplicate
		write(c, ack, 0)
	case k < 11 && !c.finned: // data leaves
		n := 1 + rnd.IntN(1448)
		write(c, psh, n)
		c.seq += segment.Seq(n)
	case k == 11 && !c.finned:
		write(c, fin, 0)
		c.seq++
		c.finned = true
	case k == 12 && !c.peerFIN:
		r.deliver(fin, c.got, c.seq, 0)
		c.got++
		c.peerFIN = true
		write(c, ack, 0)
	case k == 13 && rnd.IntN(4) == 0:
		if rnd.IntN(2) == 0 {
			write(c, rst|ack, 0)
		} else {
			r.deliver(rst, c.got, 0, 0)
		}
		c.dead = true
	case k == 14:
		_ = r.set.SetInt(tunable.DelayedACK, int64(rnd.IntN(2)))
	case k == 15:
		_ = r.set.SetInt(tunable.DelayedACKms, int64(1+rnd.IntN(100)))
	default:
		r.pass(time.Duration(rnd.IntN(30)) * time.Millisecond)
	}
}

func (l *ledger) check(t *testing.T) {
	t.Helper()
	for _, id := range l.order {
		_, superseded := l.superseded[id]
		_, seen := l.wire[id]
		_, dropped := l.dropped[id]
		if s := l.sent[id]; (superseded || dropped && s.Flags.Has(rst)) == seen {
			t.Errorf("segment %d (%s): superseded %v, dropped %v, on the wire %v", id, s.String(), superseded, dropped, seen)
		}
	}
	if n := len(l.superseded) + len(l.dropped) + len(l.wire); n != len(l.order) {
		t.Errorf("%d sent, but %d superseded, %d dropped and %d on the wire", len(l.order), len(l.superseded), len(l.dropped), len(l.wire))
	}
	for id, s := range l.superseded {
		if !l.reset[s.Tuple] && !l.covered(id, s) {
			t.Errorf("segment %d (%s) was superseded by nothing", id, s.String())
		}
	}
}

// covered reports whether a segment that netstack sent after id, or one of the close
// path's, acknowledges as much on the wire.
func (l *ledger) covered(id uint32, s segment.Segment) bool {
	for later, w := range l.wire {
		if later > id && w.Tuple == s.Tuple && s.Ack.LessEq(w.Ack) {
			return true
		}
	}
	return slices.ContainsFunc(l.own, func(w segment.Segment) bool {
		return w.Tuple == s.Tuple && s.Ack.LessEq(w.Ack)
	})
}

func ExampleEvent() {
	fmt.Println(Wire, In, Superseded)
	// Output: wire in superseded
}
