package timewait

import (
	"math/rand/v2"
	"testing"
	"time"

	"lastack/stack/segment"
)

// model is the table as one would write it first: a map, and the rules in the
// words of the kernel's source.
type model map[segment.Tuple]*modelled

type modelled struct {
	Record          // TSVal as of added
	added, deadline time.Duration
	everReplied     bool
	replied         time.Duration
}

func (m model) arrive(s *segment.Segment, now time.Duration, ru *Rules) Verdict {
	r := m[s.Reverse()]
	if r == nil {
		return Unknown
	}
	has := func(f segment.Flags) bool { return s.Flags.Has(f) }
	sawStamp := r.HasTimestamps && s.HasTimestamps
	paws := sawStamp && int32(r.TSRecent-s.TSVal) > 0 && r.TSRecent != 0
	if has(rst) && now-r.Heard >= time.Minute {
		paws = false
	}
	if !paws && s.Seq == r.RcvNxt && (s.Seq == s.End() || has(rst)) {
		if has(rst) && !ru.RFC1337 {
			delete(m, r.Tuple)
			return Killed
		}
		if !has(rst) {
			r.deadline = now + ru.Life
		}
		if sawStamp {
			r.TSRecent, r.Heard = s.TSVal, now
		}
		return Ignore
	}
	if has(syn) && !has(rst) && !has(ack) && !paws &&
		(s.Seq.Diff(r.RcvNxt) > 0 || sawStamp && int32(s.TSVal-r.TSRecent) > 0) {
		return Reopen
	}
	if has(rst) {
		return Ignore
	}
	if paws || has(ack) {
		r.deadline = now + ru.Life
	}
	if s.PayloadLen == 0 && !has(fin) || has(syn) {
		if r.everReplied && now-r.replied < ru.RateLimit {
			return Limited
		}
		r.everReplied, r.replied = true, now
	}
	return Reply
}

// expected is the Record that the table should give out.
func (r *modelled) expected(now time.Duration) Record {
	e := r.Record
	e.Left = max(r.deadline-now, 0)
	if e.HasTimestamps {
		e.TSVal += uint32((now - r.added) / time.Millisecond)
	}
	return e
}

// TestAgainstModel does at random whatever can be done with the table, over
// more than a turn of the 32-bit clock, and compares each result.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		x := &trial{T: t, rnd: rnd, model: model{}, now: 1<<32*time.Millisecond - 10*time.Minute}
		x.tab = New(func(tuple segment.Tuple) { x.gone = append(x.gone, tuple) })
		for range 30_000 {
			x.step()
			if t.Failed() {
				t.Fatalf("seed %d, at %v", seed, x.now)
			}
		}
	}
}

type trial struct {
	*testing.T
	rnd   *rand.Rand
	tab   *Table
	model model
	now   time.Duration
	gone  []segment.Tuple
}

func (x *trial) step() {
	x.now += time.Duration(x.rnd.ExpFloat64()*50) * time.Millisecond
	tuple := tupleOf(4+x.rnd.IntN(2)*2, x.rnd.IntN(1500))
	switch x.rnd.IntN(8) {
	case 0, 1, 2:
		x.add(tuple)
	case 3, 4, 5:
		x.arrive(tuple)
	case 6:
		r, ok := x.tab.Remove(tuple, x.now)
		x.compare("Remove", tuple, r, ok)
		delete(x.model, tuple)
	case 7:
		x.expire()
	}
	r, ok := x.tab.Get(tuple, x.now)
	x.compare("Get", tuple, r, ok)
	if x.tab.Len() != len(x.model) {
		x.Errorf("%d records, want %d", x.tab.Len(), len(x.model))
	}
}

func (x *trial) add(tuple segment.Tuple) {
	r := recordOf(tuple, x.rnd.IntN(2) == 0, x.now)
	r.SndNxt, r.RcvNxt, r.Window = segment.Seq(x.rnd.Uint32()), segment.Seq(x.rnd.Uint32()), uint16(x.rnd.Uint32())
	if r.HasTimestamps {
		r.TSRecent, r.TSVal = x.rnd.Uint32(), x.rnd.Uint32()
		r.Heard -= time.Duration(x.rnd.IntN(100)) * time.Second
	}
	lives := []time.Duration{0, time.Second, life, 480 * time.Second}
	l := lives[x.rnd.IntN(len(lives))]
	x.tab.Add(r, l, x.now)
	x.model[tuple] = &modelled{Record: *r, added: x.now, deadline: x.now + l}
}

// arrive makes segments near the record, where the rules decide.
func (x *trial) arrive(tuple segment.Tuple) {
	s := from(tuple, segment.Flags(x.rnd.IntN(32)), 0, x.rnd.IntN(2))
	s.HasTimestamps = x.rnd.IntN(2) == 0
	if r := x.model[tuple]; r != nil {
		s.Seq = r.RcvNxt + segment.Seq(x.rnd.IntN(3)-1)
		s.TSVal = r.TSRecent + uint32(x.rnd.IntN(3)-1)
	}
	ru := &Rules{
		Life:      time.Duration(x.rnd.IntN(480_000)) * time.Millisecond,
		RFC1337:   x.rnd.IntN(2) == 0,
		RateLimit: time.Duration(x.rnd.IntN(3)) * 10 * time.Second,
	}
	before := x.model[tuple]
	want := x.model.arrive(s, x.now, ru)
	v, r := x.tab.Arrive(s, x.now, ru)
	if v != want {
		x.Errorf("%v with %#v on %#v: %v, want %v", s, ru, before, v, want)
	}
	if v != Unknown && r != before.expected(x.now) {
		x.Errorf("%v left %#v\nwant %#v", s, r, before.expected(x.now))
	}
	if v == Killed && (len(x.gone) != 1 || x.gone[0] != tuple) {
		x.Errorf("killed %v, reported %v", tuple, x.gone)
	}
	x.gone = nil
}

func (x *trial) compare(what string, tuple segment.Tuple, r Record, ok bool) {
	want := x.model[tuple]
	if ok != (want != nil) || ok && r != want.expected(x.now) {
		x.Errorf("%s(%v): %#v, %v\nthe model has %#v", what, tuple, r, ok, want)
	}
}

// expire holds what went, and what did not, against the deadlines.
func (x *trial) expire() {
	n := x.tab.Expire(x.now)
	if n != len(x.gone) {
		x.Errorf("%d expired, %d reported", n, len(x.gone))
	}
	for _, tuple := range x.gone {
		if r := x.model[tuple]; r == nil || r.deadline > x.now {
			x.Errorf("%v gone too early: %#v", tuple, r)
		}
		delete(x.model, tuple)
	}
	x.gone = nil
	next, any := x.tab.Next(x.now)
	for tuple, r := range x.model {
		if r.deadline+tick <= x.now || !any || next >= max(r.deadline, x.now)+2*tick {
			x.Errorf("%v is due at %v, Next says %v", tuple, r.deadline, next)
		}
	}
}
