package explain

import (
	"errors"
	"fmt"
	"io"
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// Opener opens a capture at its beginning.
type Opener func() (PathSource, error)

// PathSource is a capture that is open for reading.
type PathSource interface {
	capture.Source
	io.Closer
}

// ComparePath holds the captures of two ends of a path against each other. Each is
// read once more, both at a time in the order of time: a segment waits until it is
// found in the other capture or is overdue there. Memory is that of the surveys and of
// what waits, which is bounded.
func ComparePath(a, b *Survey, openA, openB Opener) (*PathDiff, error) {
	w := &walk{s: [2]*Survey{a, b}, twins: match(a, b), changes: changes{of: map[changeKey]*change{}}, resets: map[resetKey]*PathReset{}}
	w.oriented = orientAll(w.twins)
	w.setClocks()
	for side, open := range []Opener{openA, openB} {
		src, err := open()
		if err != nil {
			return nil, err
		}
		defer src.Close()
		w.feeds[side] = newFeed(src, w.leave(side))
	}
	if err := w.run(); err != nil {
		return nil, err
	}
	return w.result(), nil
}

// walk is a ComparePath under way. Arrays are by capture, A and B, or by way, A to B
// and B to A.
type walk struct {
	s        [2]*Survey
	twins    []*twin
	oriented bool // some connection told which end is which
	feeds    [2]*feed
	next     [2]arrival
	span     [2][2]int64 // from when to when a capture was made, in A's time
	off      offset      // by the first reading
	offKnown bool
	clock    *clocks // of all segments
	now      int64

	ways     [2]PathWay
	delays   [2]delays
	changes  changes
	resets   map[resetKey]*PathReset
	waiting  int
	hurried  bool // the bound of what waits was reached
	explains int  // connections whose reasons are kept
	items    []item
	free     []*waiting // to be used again
}

// arrival is the next segment of a capture.
type arrival struct {
	rec  *teardown.Record
	conn *teardown.Conn
	at   int64 // in A's time
	over bool
}

// setClocks estimates the offset from what the surveys have in common.
func (w *walk) setClocks() {
	a, b := w.s[0], w.s[1]
	rough := newClocks(a.begin, a.end)
	for _, p := range w.twins {
		p.samples(func(s int, x, y int64) { rough.add(p.there(s), x, y) })
	}
	w.off, w.offKnown = rough.estimate()
	if !w.offKnown { // nothing is known; beginnings are as good as anything
		for _, p := range w.twins {
			w.off.base = p.b.begin - p.a.begin
			break
		}
	}
	w.clock = newClocks(a.begin, a.end)
	w.span = [2][2]int64{{a.begin, a.end}, {w.off.toA(b.begin), w.off.toA(b.end)}}
}

func (w *walk) run() error {
	for side := range 2 {
		if err := w.advance(side); err != nil {
			return err
		}
	}
	for !w.next[0].over || !w.next[1].over {
		side := 0
		if w.next[0].over || !w.next[1].over && w.next[1].at < w.next[0].at {
			side = 1
		}
		w.add(side)
		if err := w.advance(side); err != nil {
			return err
		}
	}
	for _, p := range w.twins {
		for s := range 2 {
			w.expire(p, s, 1<<62, 0)
		}
	}
	for _, f := range w.feeds {
		f.table.Flush()
	}
	return nil
}

func (w *walk) advance(side int) error {
	f := w.feeds[side]
	r, c, err := f.next()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		w.next[side].over = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s again: %w", w.s[side].Name, err)
	}
	at := f.at
	if side == 1 {
		at = w.off.toA(at)
	}
	// A clock that is set back must not make all that waits overdue.
	w.next[side] = arrival{rec: r, conn: c, at: max(at, w.next[side].at)}
	return nil
}

// add takes in the next segment of a capture.
func (w *walk) add(side int) {
	n := &w.next[side]
	w.now = max(w.now, n.at)
	v := w.s[side].of(n.conn)
	if v == nil || v.twin < 0 {
		return
	}
	p := w.twins[v.twin]
	s := int(n.rec.Step.From & 1)
	if v.swapped {
		s = 1 - s
	}
	if side == 1 {
		s = p.side(s)
	}
	w.items = itemsOf(w.items[:0], n.rec, w.feeds[side].tos)
	wait := w.waitingOf(p, s)
	before := wait.len()
	for k := range w.items {
		i := &w.items[k]
		i.at, i.seen = n.at, w.feeds[side].at
		if side == 1 {
			p.toA(i, s)
		}
		w.count(p, s, side, i)
		wait.take(side, *i, func(f found) { w.found(p, s, f) })
	}
	w.waiting += wait.len() - before
	w.expire(p, s, w.now, maxWaitingOne)
	w.relieve()
}

// slack is for the waiting: no retransmission comes as soon as that (RFC 6298 2.4,
// Linux has 200 ms) but a fast one, which others follow.
func (w *walk) slack() int64 {
	const least = int64(50 * time.Millisecond)
	if !w.oriented || !w.offKnown || w.off.within < 0 || w.off.broken {
		return -1
	}
	return least + w.off.within
}

// toA turns B's sequence numbers into A's, and notes what only the numbers of A tell.
func (p *twin) toA(i *item, s int) {
	if i.kind != itemRST || i.seq != 0 { // RFC 9293 3.5.2: without an ACK to go by it is 0
		i.seq -= p.shift[s]
		i.end -= p.shift[s]
	}
	if i.flags.Has(segment.ACK) {
		i.ack -= p.shift[1-s]
	}
	if i.options&optSACK != 0 {
		i.sack -= p.shift[1-s]
	}
}

// count notes what an item is in the connection, and counts it where it was sent.
func (w *walk) count(p *twin, s, side int, i *item) {
	if i.kind == itemFIN {
		p.finEnd[s], p.finSeen[s] = i.end, true
	}
	i.lastACK = i.kind == itemACK && p.finSeen[1-s] && i.ack == p.finEnd[1-s]
	if side == p.sender(s) { // what turns out not to be compared is taken off again
		w.ways[side].Sent.add(i, i.segments(p.mss(s)), 1)
	}
}

// sender is the capture at the end of A's side s.
func (p *twin) sender(s int) int {
	if p.there(s) {
		return 0
	}
	return 1
}

// mss is the MSS that the sender of A's side s was told.
func (p *twin) mss(s int) int {
	v, to := p.a, 1-s
	if p.sender(s) == 1 {
		v, to = p.b, p.side(to)
	}
	const assumed = 1460
	if v.mss[to] == 0 {
		return assumed
	}
	return int(v.mss[to])
}

// relieve bounds what waits in all.
func (w *walk) relieve() {
	if w.waiting <= maxWaitingAll {
		return
	}
	for _, keep := range []int{maxWaitingOne, 0} {
		for _, p := range w.twins {
			for s := range 2 {
				w.expire(p, s, w.now, keep)
			}
		}
		if w.waiting <= maxWaitingAll/2 {
			return
		}
		w.hurried = true
	}
}

// expire gives up what is overdue in one direction.
func (w *walk) expire(p *twin, s int, now int64, keep int) {
	wait := p.waiting[s]
	if wait == nil {
		return
	}
	if keep == maxWaitingOne && (len(wait.side[0]) > keep || len(wait.side[1]) > keep) {
		w.hurried = true
	}
	w.waiting -= wait.expire(now, keep, func(side int, i *item) { w.missing(p, s, side, i) })
	if wait.len() == 0 { // most directions have nothing under way at most times
		w.free = append(w.free, wait)
		p.waiting[s] = nil
	}
}

func (w *walk) waitingOf(p *twin, s int) *waiting {
	if p.waiting[s] == nil {
		if n := len(w.free); n > 0 {
			p.waiting[s], w.free = w.free[n-1], w.free[:n-1]
		} else {
			p.waiting[s] = &waiting{}
		}
		p.waiting[s].begin(p.sender(s), w.slack())
	}
	return p.waiting[s]
}

// leave keeps the reasons of closes that differ.
func (w *walk) leave(side int) func(*feed, *teardown.Conn) {
	return func(f *feed, c *teardown.Conn) {
		v := w.s[side].of(c)
		if v == nil || v.twin < 0 {
			return
		}
		p := w.twins[v.twin]
		if p.closesSame() || w.explains >= maxPathListed {
			return
		}
		if v.swapped {
			c = c.Swapped()
		}
		w.explains += side // once for both
		p.reason[side] = c.Report().Reason
	}
}
