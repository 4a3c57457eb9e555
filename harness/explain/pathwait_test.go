package explain

import (
	"testing"
	"time"

	"lastack/stack/segment"
)

func dataItem(at time.Duration, from, to segment.Seq, ts uint32) item {
	return item{at: int64(at), seen: int64(at), kind: itemData, seq: from, end: to, ts: ts, options: optTimestamps}
}

// TestWaiting: what waits is found byte by byte, however it was cut, and the surest
// copy first.
func TestWaiting(t *testing.T) {
	wrap := segment.Seq(0xffff_ff00) // the numbers wrap
	w := &waiting{}
	w.begin(0, -1)
	n := 0
	count := func(found) { n++ }
	for i := range segment.Seq(3) {
		w.take(0, dataItem(time.Duration(i), wrap+100*i, wrap+100*i+100, uint32(i)), count)
	}
	w.take(0, dataItem(9, wrap, wrap+100, 9), count) // the first again
	w.take(1, dataItem(10, wrap, wrap+250, 9), count)
	if n != 3 || len(w.side[1]) != 0 || len(w.side[0]) != 2 {
		t.Fatalf("%d found; %+v", n, w.side)
	}
	if first, last := w.side[0][0], w.side[0][1]; first.ts != 0 || first.part || last.end-last.seq != 50 || !last.part {
		t.Errorf("left: %+v", w.side[0])
	}
	w.take(1, dataItem(11, wrap+200, wrap+300, 2), count)
	if len(w.side[1]) != 1 || w.side[1][0].end != wrap+250 {
		t.Errorf("what came twice: %+v", w.side[1])
	}
}

// TestWaitingCausal: what arrives is not what was sent later.
func TestWaitingCausal(t *testing.T) {
	w := &waiting{}
	w.begin(1, int64(50*time.Millisecond))
	fin := func(at time.Duration) item { return item{at: int64(at), kind: itemFIN, seq: 5, end: 6} }
	n := 0
	w.take(0, fin(time.Second), func(found) { n++ })                         // arrives
	w.take(1, fin(1200*time.Millisecond), func(found) { n++ })               // is sent, again
	w.take(1, fin(time.Second+40*time.Millisecond), func(found) { n += 10 }) // the clocks are not exact
	if n != 10 || w.len() != 1 {
		t.Errorf("%d found, %+v left", n, w.side)
	}
}

// TestWaitingBounds: what is overdue leaves, and the oldest where there is too much.
func TestWaitingBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		now, latest time.Duration
		keep, gone  int
	}{
		"in time":         {10*time.Second - 1, 0, 100, 0},
		"overdue":         {waitAtMost + 6, 0, 100, 6},
		"behind":          {waitBehind, waitBehind + 3, 100, 3},
		"too many":        {10, 0, 4, 6},
		"too many by far": {10, 0, 0, 10},
	} {
		w := &waiting{}
		for i := range 10 {
			w.take(0, dataItem(time.Duration(i), segment.Seq(10*i), segment.Seq(10*i+10), 0), nil)
		}
		w.latest = int64(tt.latest)
		if gone := w.expire(int64(tt.now), tt.keep, func(int, *item) {}); gone != tt.gone || w.len() != 10-gone {
			t.Errorf("%s: %d gone, want %d", name, gone, tt.gone)
		}
	}
	if waitAtMost != 10*time.Second || waitBehind != time.Second || maxWaitingOne != 16_384 || maxWaitingAll != 400_000 || maxDigests != 200_000 {
		t.Error("a bound that the help of lastack diff names has moved")
	}
}

// TestWalkBound: past the bound of all that waits, something leaves, and it is said.
func TestWalkBound(t *testing.T) {
	w := &walk{s: [2]*Survey{{}, {}}, changes: changes{of: map[changeKey]*change{}}, resets: map[resetKey]*PathReset{}}
	w.span = [2][2]int64{{0, 1 << 60}, {0, 1 << 60}}
	w.clock = newClocks(0, 1)
	for range 30 {
		w.twins = append(w.twins, &twin{a: &digest{}, b: &digest{}, near: 1})
	}
	most := 0
	for k := range maxWaitingAll + 10_000 {
		p := w.twins[k%len(w.twins)]
		wait := w.waitingOf(p, 0)
		wait.take(0, item{at: int64(time.Hour) + int64(k), kind: itemACK, seq: segment.Seq(k)}, nil)
		w.waiting++
		w.now = int64(time.Hour) + int64(k)
		w.relieve()
		most = max(most, w.waiting)
	}
	if most > maxWaitingAll+1 || !w.hurried || w.ways[0].Lost.ACK == 0 {
		t.Errorf("%d waited, hurried %v, %d lost", most, w.hurried, w.ways[0].Lost.ACK)
	}
	d := &PathDiff{Matched: 1}
	w.oriented = true
	if w.warn(d); len(d.Warnings) != 1 {
		t.Errorf("%q", d.Warnings)
	}
}

// TestSegmentsOfItem: how many segments of the wire an item stands for.
func TestSegmentsOfItem(t *testing.T) {
	data := func(n segment.Seq, o optionSet, rides bool) item {
		return item{kind: itemData, end: n, options: o, rides: rides}
	}
	for _, tt := range []struct {
		i    item
		want int
	}{
		{data(100, 0, false), 1}, {data(1460, 0, false), 1}, {data(1461, 0, false), 2}, {data(1448, optTimestamps, false), 1},
		{data(1460, optTimestamps, false), 2}, {data(4344, optTimestamps, false), 3}, {data(100, 0, true), 0}, {data(4344, optTimestamps, true), 2},
		{item{kind: itemFIN, end: 1}, 1}, {item{kind: itemFIN, end: 1, rides: true}, 0},
	} {
		if got := tt.i.segments(1460); got != tt.want {
			t.Errorf("%+v: %d, want %d", tt.i, got, tt.want)
		}
	}
}

// TestClockSteps: a clock that is set during the capture is said to be uneven.
func TestClockSteps(t *testing.T) {
	c := newClocks(0, int64(time.Minute))
	for i := range int64(60) {
		at, off := i*int64(time.Second), int64(time.Second)
		if i > 30 {
			off += int64(3 * time.Second)
		}
		c.add(true, at, at+off+1000)
		c.add(false, at, at+off-1000)
	}
	if o, ok := c.estimate(); !ok || !o.broken {
		t.Errorf("%+v", o)
	}
	one := newClocks(0, 1)
	one.add(true, 0, 5000)
	if o, ok := one.estimate(); !ok || o.within >= 0 || o.base != 5000 {
		t.Errorf("one way: %+v", o)
	}
	if _, ok := newClocks(0, 1).estimate(); ok {
		t.Error("an estimate from nothing")
	}
}
