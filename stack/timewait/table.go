package timewait

import (
	"hash/maphash"
	"time"
	"unsafe"

	"lastack/stack/segment"
)

// Table holds the connections in TIME_WAIT. Make it with New. All methods may be
// called at any time from any goroutine. The times handed to them need not be in
// order, but a record lives until Expire is called with a time at which it is
// over.
type Table struct {
	gone func(segment.Tuple)
	v4   family[key4]
	v6   family[key6]
}

// New makes an empty table. gone, if it is not nil, is called, without locks, so
// that it may use the table, for each record that expired or was killed, but not
// for one that was removed or replaced.
func New(gone func(segment.Tuple)) *Table {
	t := &Table{gone: gone}
	seed := maphash.MakeSeed()
	t.v4.init(seed)
	t.v6.init(seed)
	return t
}

// Add puts a record in for the time life, in place of one of the same tuple.
func (t *Table) Add(r *Record, life, now time.Duration) {
	s := stateOf(r, life, now)
	if k, ok := key4Of(&r.Tuple); ok {
		t.v4.add(k, s, now)
	} else {
		t.v6.add(key6Of(&r.Tuple), s, now)
	}
}

// Arrive judges a segment from the peer by the rules and updates the record: its 2MSL
// starts again, its TSRecent changes, or it goes. The Record returned is the updated one,
// or, with Killed, the last there was.
func (t *Table) Arrive(s *segment.Segment, now time.Duration, ru *Rules) (Verdict, Record) {
	if t.Len() == 0 {
		return Unknown, Record{}
	}
	tuple := s.Reverse()
	var v Verdict
	var r Record
	if k, ok := key4Of(&tuple); ok {
		v, r = t.v4.arrive(k, s, now, ru)
	} else {
		v, r = t.v6.arrive(key6Of(&tuple), s, now, ru)
	}
	if v == Killed && t.gone != nil {
		t.gone(tuple)
	}
	return v, r
}

// Get finds the record of a tuple, whose Src is the host.
func (t *Table) Get(tuple segment.Tuple, now time.Duration) (Record, bool) {
	return t.get(&tuple, now, false)
}

// Remove takes the record of a tuple out, and returns it.
func (t *Table) Remove(tuple segment.Tuple, now time.Duration) (Record, bool) {
	return t.get(&tuple, now, true)
}

func (t *Table) get(tuple *segment.Tuple, now time.Duration, remove bool) (Record, bool) {
	if k, ok := key4Of(tuple); ok {
		return t.v4.get(k, now, remove)
	}
	return t.v6.get(key6Of(tuple), now, remove)
}

// Expire takes out the records whose time is over, and counts them. A record never goes
// early, and late by less than 4 ms if Expire is called when Next says so.
func (t *Table) Expire(now time.Duration) int {
	return t.v4.expire(now, t.gone) + t.v6.expire(now, t.gone)
}

// Next is when Expire is to be called next, if there is any record; a time that
// is not after now means at once. Expire may then find nothing to take out: it
// also moves records along that are not due for seconds. Add and Arrive may
// bring the time forward.
func (t *Table) Next(now time.Duration) (at time.Duration, any bool) {
	at = min(t.v4.next(), t.v6.next())
	if at == never {
		return now, false
	}
	return max(at, now), true
}

// Len counts the records.
func (t *Table) Len() int { return int(t.v4.n.Load() + t.v6.n.Load()) }

// Each calls f for each record until it returns false, in no order, IPv4 first.
// Each shard is copied for it, so that f may use the table.
func (t *Table) Each(now time.Duration, f func(*Record) bool) {
	_ = t.v4.each(now, f) && t.v6.each(now, f)
}

// Bytes is the memory the table holds, index and timer wheels included.
func (t *Table) Bytes() int {
	return int(unsafe.Sizeof(*t)) + t.v4.bytes() + t.v6.bytes()
}
